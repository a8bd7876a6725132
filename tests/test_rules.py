"""What the rules make of labelled sentences, against what a person would make of them.

The labels came first and the rules were then brought to them, so the figures are no forecast.
Precision: of what they make, how much is wanted. Recall: of what is wanted, how much they make.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.memory.extraction import extract
from gateway.memory.model import Candidate, Message, Scope, Turn

SUITE = Path(__file__).parent / "suites" / "rules.txt"
PRECISION, RECALL = 0.95, 0.85
SAID = 1_750_000_000_000  # in June 2025


@dataclass(frozen=True)
class Label:
    kind: str
    slots: tuple[str, ...]

    def fits(self, candidate: Candidate) -> bool:
        kind = "instruction" if candidate.instruction else candidate.kind.value
        return kind == self.kind and candidate.attribute.startswith(self.slots)


@dataclass(frozen=True)
class Sentence:
    language: str
    text: str
    labels: tuple[Label, ...]


def suite() -> Iterator[Sentence]:
    language = ""
    labels: tuple[Label, ...] = ()
    for line in SUITE.read_text().splitlines():
        if line.startswith("== "):
            language = line.removeprefix("== ")
        elif line.startswith("= "):
            wanted = line.removeprefix("= ")
            labels = () if wanted.startswith("nothing") else tuple(map(label, wanted.split(" + ")))
        elif line and not line.startswith("#"):
            yield Sentence(language, line, labels)


def label(written: str) -> Label:
    kind, slots = written.split(" ", 1)
    return Label(kind, tuple(slots.split("|")))


SENTENCES = list(suite())


def made_of(text: str) -> list[Candidate]:
    message = Message(role="user", content=text, time=SAID)
    return extract(
        Turn(id="t", scope=Scope("p", "u"), conversation="c", messages=(message,), created=SAID)
    )


def test_the_suite_is_large_enough_to_mean_something():
    counted = Counter(sentence.language for sentence in SENTENCES)
    assert len(SENTENCES) >= 150
    assert set(counted) == {"English", "Chinese", "Japanese", "German", "Spanish"}
    assert min(counted.values()) >= 20
    assert sum(not sentence.labels for sentence in SENTENCES) >= 60
    assert len({sentence.text for sentence in SENTENCES}) == len(SENTENCES)


def test_the_rules_make_what_a_person_would_and_little_else():
    wanted, made, right = Counter[str](), Counter[str](), Counter[str]()
    amiss: list[str] = []
    for sentence in SENTENCES:
        left = list(sentence.labels)
        for each in left:
            wanted.update((sentence.language, each.kind))
        for candidate in made_of(sentence.text):
            kind = "instruction" if candidate.instruction else candidate.kind.value
            made.update((sentence.language, kind))
            if found := next((each for each in left if each.fits(candidate)), None):
                left.remove(found)
                right.update((sentence.language, kind))
            else:
                amiss.append(f"  not wanted: {sentence.text} -> {kind} {candidate.attribute}")
        amiss += [f"  missed: {sentence.text} -> {each.kind} {each.slots}" for each in left]
    for group in wanted:
        print(  # noqa: T201  the figures are what the suite is for
            f"{group:12} precision {right[group] / max(1, made[group]):.1%} of {made[group]}, "
            f"recall {right[group] / wanted[group]:.1%} of {wanted[group]}"
        )
    print(*amiss, sep="\n")  # noqa: T201  the same
    for group in wanted:
        assert right[group] >= PRECISION * made[group], f"precision of {group}"
        assert right[group] >= RECALL * wanted[group], f"recall of {group}"
