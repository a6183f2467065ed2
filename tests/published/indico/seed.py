"""Fills an empty database: a conference of so many talks, each in a session of its own, with a speaker, a
sub-talk and a place in the timetable; and as many lectures, each in a category of its own.

usage: python seed.py, with SIZE in the environment
"""

import os
from datetime import datetime, timedelta, timezone

from indico.core.db import db
from indico.modules.categories import Category
from indico.modules.events import Event
from indico.modules.events.contributions.models.contributions import Contribution
from indico.modules.events.contributions.models.persons import AuthorType, ContributionPersonLink
from indico.modules.events.contributions.models.subcontributions import SubContribution
from indico.modules.events.models.events import EventType
from indico.modules.events.models.persons import EventPerson, EventPersonLink
from indico.modules.events.sessions.models.blocks import SessionBlock
from indico.modules.events.sessions.models.sessions import Session
from indico.modules.events.timetable.models.entries import TimetableEntry, TimetableEntryType
from indico.modules.users import User
from indico.web.flask.app import make_app

size = int(os.environ["SIZE"])
start = datetime(2030, 1, 1, 8, tzinfo=timezone.utc)
hour = timedelta(hours=1)


def add(row):
    # Committed, because numbers within an event are counted by a connection of their own.
    db.session.add(row)
    db.session.commit()
    return row


def fill():
    user = add(User(first_name="An", last_name="Organiser", email="organiser@example.org", is_admin=True))
    meeting = conference(user)
    for number in range(size):
        talk(meeting, number)
    for number in range(size):
        category = add(Category(title=f"Category {number}", parent=Category.get_root()))
        lecture(category, user, number)


def lecture(category, user, number):
    event = event_of(EventType.lecture, category, user, f"Lecture {number}", start + number * hour, hour)
    speaker = EventPersonLink(person=person_of(event, number))
    event.person_links.append(speaker)
    db.session.commit()


def conference(user):
    category = add(Category(title="Conferences", parent=Category.get_root()))
    return event_of(EventType.conference, category, user, "Conference", start, (size + 1) * hour)


def event_of(kind, category, user, title, begin, duration):
    event = Event(
        type_=kind,
        title=title,
        start_dt=begin,
        end_dt=begin + duration,
        timezone="UTC",
        category=category,
        creator=user,
        acl_entries=set(),
    )
    return add(event)


def person_of(event, number):
    return add(EventPerson(event=event, first_name="A", last_name=f"Speaker {number}", email=f"s{number}@example.org"))


def talk(event, number):
    session = add(Session(event=event, title=f"Session {number}"))
    block = add(SessionBlock(session=session, duration=hour))
    begin = start + number * hour
    parent = add(
        TimetableEntry(event=event, session_block=block, type=TimetableEntryType.SESSION_BLOCK, start_dt=begin)
    )
    contribution = Contribution(event=event, title=f"Talk {number}", duration=hour / 2, session=session)
    contribution.session_block = block
    speaker = ContributionPersonLink(
        person=person_of(event, number), is_speaker=True, author_type=AuthorType.primary
    )
    contribution.person_links.append(speaker)
    contribution.subcontributions.append(SubContribution(title=f"Part {number}", duration=hour / 4))
    add(contribution)
    add(
        TimetableEntry(
            event=event,
            parent=parent,
            contribution=contribution,
            type=TimetableEntryType.CONTRIBUTION,
            start_dt=begin,
        )
    )


with make_app().app_context(), db.session.no_autoflush:
    fill()
    db.session.commit()
