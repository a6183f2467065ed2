"""What a measured suggestion is worth, and whether all of them together are good enough."""

import collections
import dataclasses

# A statement is helped by an index that is used and makes it this many times faster.
HELPED = 1.5
# As good as the best that is known: within this many times of its CPU time, or faster than this.
NEAR = 3.0
NEAR_MS = 0.2
# Harmful: more CPU time than without, beyond what chance gives on a busy machine, as the index is read or as its
# statistics have changed the plan.
HARMFUL = 1.2


@dataclasses.dataclass(frozen=True)
class Bars:
    """Shares of the statements that can be helped; and how many suggestions, of all, may be useless or harmful."""

    helped: float
    near: float
    wrong: int


PROVED = Bars(helped=0.95, near=0.85, wrong=0)
OFFLINE = Bars(helped=0.85, near=0.65, wrong=1)


@dataclasses.dataclass
class Verdict:
    """Of the suggestion for one statement; all false where nothing was suggested."""

    suggested: bool = False
    helped: bool = False
    near: bool = False
    useless: bool = False
    harmful: bool = False

    def words(self):
        told = [name for name in ("helped", "near", "useless", "harmful") if getattr(self, name)]
        return ", ".join(told) if self.suggested else "nothing suggested"


def verdict(without, best, suggested):
    """Of the cost of a suggestion. `best` is None where no index helps. An index of several that is not used is useless."""
    helped = any(suggested.used) and suggested.cpu_ms * HELPED <= without.cpu_ms
    other_plan = any(suggested.used) or suggested.blocks != without.blocks
    harmful = other_plan and suggested.cpu_ms > without.cpu_ms * HARMFUL
    return Verdict(
        suggested=True,
        helped=helped,
        near=helped and best is not None and (suggested.cpu_ms <= NEAR * best.cpu_ms or suggested.cpu_ms < NEAR_MS),
        useless=not harmful and (not helped or not all(suggested.used)),
        harmful=harmful,
    )


def close(without, suggested):
    """Whether chance may decide, as neither is clearly faster: both are better measured once more."""
    return without.cpu_ms / 2.5 < suggested.cpu_ms < without.cpu_ms * 2


def by_kind(statements, verdicts):
    """Rows of a table, and the sums last: kind, helpable, helped, near, hopeless, useless, harmful."""
    rows = collections.defaultdict(lambda: [0] * 6)
    for statement in statements:
        told = verdicts[statement.id]
        counts = [statement.helpable, statement.helpable and told.helped, statement.helpable and told.near,
                  not statement.helpable, told.useless, told.harmful]
        for kind in (statement.kind, "all"):
            rows[kind] = [sum(pair) for pair in zip(rows[kind], counts)]
    total = rows.pop("all")
    return [[kind, *rows[kind]] for kind in sorted(rows)] + [["all", *total]]


def print_table(rows):
    print(f"{'kind':26} {'helpable':>8} {'helped':>8} {'near':>8} {'hopeless':>8} {'useless':>8} {'harmful':>8}")
    for kind, *counts in rows:
        print(f"{kind:26} " + " ".join(f"{count:8}" for count in counts))


def met(total, bars):
    """Says how the sums compare with the bars."""
    _, helpable, helped, near, _, useless, harmful = total
    wrong = useless + harmful
    print(f"helped {share(helped, helpable)}, at least {bars.helped:.0%} are wanted")
    print(f"near the best {share(near, helpable)}, at least {bars.near:.0%} are wanted")
    print(f"useless or harmful {wrong}, at most {bars.wrong} may be")
    return helped >= bars.helped * helpable and near >= bars.near * helpable and wrong <= bars.wrong


def share(part, whole):
    return f"{part} of {whole} ({part / whole:.0%})" if whole else "0 of 0"
