"""Fills an empty database: one conference of so many talks, each with a speaker, a track of its own,
a tag and a review; half of them on the schedule.

usage: python seed.py, with SIZE in the environment
"""

import datetime as dt
import os

import django

django.setup()

from django.utils.timezone import now
from django_scopes import scope, scopes_disabled
from pretalx.event.models import Event, Organiser, Team
from pretalx.event.utils import create_organiser_with_team
from pretalx.person.models import SpeakerProfile, User
from pretalx.person.models.auth_token import ENDPOINTS, READ_PERMISSIONS, UserApiToken
from pretalx.schedule.models import Room
from pretalx.submission.models import Question, Review, Submission, Tag, Track

size = int(os.environ["SIZE"])

with scopes_disabled():
    organiser_user = User.objects.create_user(name="Organiser", email="organiser@example.org", is_administrator=True)
    organiser, team = create_organiser_with_team(name="Organiser", slug="organiser", users=[organiser_user])
    event = Event.objects.create(
        name="Conference",
        slug="conference",
        organiser=organiser,
        is_public=True,
        date_from=now().date(),
        date_to=now().date() + dt.timedelta(days=30),
        timezone="UTC",
        email="conference@example.org",
        locale_array="en",
        locale="en",
    )

with scope(event=event):
    event.build_initial_data()
    Team.objects.filter(pk=team.pk).update(
        all_events=True, can_change_event_settings=True, can_change_submissions=True, is_reviewer=True
    )
    token = UserApiToken.objects.create(
        name="token",
        token="published" * 7,
        user=organiser_user,
        endpoints={endpoint: list(READ_PERMISSIONS) for endpoint in ENDPOINTS},
        version="v1",
    )
    token.events.add(event)
    for number in range(size):
        speaker = User.objects.create_user(name=f"Speaker {number}", email=f"speaker{number}@example.org")
        SpeakerProfile.objects.create(user=speaker, event=event, biography="Speaks.")
        submission = Submission.objects.create(
            event=event,
            title=f"Talk {number}",
            submission_type=event.cfp.default_type,
            track=Track.objects.create(event=event, name=f"Track {number}", color="#336699"),
            abstract="About something.",
            content_locale="en",
            is_featured=True,
        )
        submission.speakers.add(speaker)
        submission.tags.add(Tag.objects.create(event=event, tag=f"tag{number}", color="#336699"))
        Review.objects.create(submission=submission, user=organiser_user, text="Good.")
        submission.accept()
        submission.confirm()
        slot = submission.slots.first()
        slot.room = Room.objects.create(event=event, name=f"Room {number}", position=number)
        slot.start = event.datetime_from + dt.timedelta(hours=number)
        slot.end = slot.start + dt.timedelta(minutes=30)
        slot.save()
    event.wip_schedule.freeze("1.0", notify_speakers=False)
