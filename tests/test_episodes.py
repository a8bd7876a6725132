"""How a turn becomes episodes, and what each is found by."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.memory.episodes import PIECE, PIECES, SOURCE, cut, episodes
from gateway.memory.model import Kind, Labels, Message, Scope, Speaker, Turn

SCOPE = Scope("shop", "ann")
NOON = int(datetime(2023, 5, 8, 12, tzinfo=UTC).timestamp() * 1000)


def said(content, role="user", name=""):
    return Message(role=role, content=content, time=NOON, name=name)


def turn(*messages, preceding=""):
    return Turn(
        id="t1",
        scope=SCOPE,
        conversation="c1",
        messages=messages,
        created=NOON + 1,
        preceding=preceding,
        labels=Labels(tags=("pets",)),
    )


def sentences(count):
    return " ".join(f"Sentence number {i} says a little." for i in range(count))


def test_an_episode_can_be_understood_on_its_own():
    (episode,) = episodes(turn(said("I have a beagle.")))
    assert episode.memory.text == "[2023-05-08] user: I have a beagle."


def test_a_named_speaker_is_shown_by_name():
    (episode,) = episodes(turn(said("Hello!", name="Caroline")))
    assert episode.memory.text == "[2023-05-08] Caroline: Hello!"


def test_a_name_cannot_break_out_of_its_line():
    (episode,) = episodes(turn(said("Hello!", name="Eve\n[2020-01-01] Bob" + "x" * 100)))
    label = episode.memory.text.removesuffix(": Hello!")
    assert "\n" not in label
    assert len(label) < 80


def test_an_episode_carries_what_its_turn_says_of_it():
    (episode,) = episodes(turn(said("I have a beagle.")))
    memory = episode.memory
    assert (memory.kind, memory.speaker) == (Kind.EPISODE, Speaker.USER)
    assert (memory.scope, memory.conversation) == (SCOPE, "c1")
    assert (memory.time, memory.created, memory.updated) == (NOON, NOON + 1, NOON + 1)
    assert memory.labels.tags == ("pets",)
    (source,) = memory.sources
    assert (source.role, source.content, source.turn) == ("user", "I have a beagle.", "t1")


def test_only_what_the_user_and_the_assistant_say_becomes_an_episode():
    made = episodes(
        turn(
            said("Be brief.", role="system"),
            said("What is the weather?"),
            said(None, role="assistant"),
            said('{"rain": true}', role="tool"),
            said("  \n "),
            said("It rains.", role="assistant"),
        )
    )
    assert [e.memory.sources[0].content for e in made] == ["What is the weather?", "It rains."]
    assert [e.memory.speaker for e in made] == [Speaker.USER, Speaker.ASSISTANT]


def test_the_text_parts_of_a_message_with_images_are_kept():
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    (episode,) = episodes(turn(said([{"type": "text", "text": "My dog."}, image])))
    assert episode.memory.text.endswith("My dog.")


def test_an_episode_is_found_by_its_own_words_twice_and_by_its_neighbours():
    made = episodes(
        turn(said("alpha"), said("beta", role="assistant"), said("gamma"), preceding="omega")
    )
    assert [e.words.split()[3:] for e in made] == [
        ["alpha", "alpha", "omega", "beta"],
        ["beta", "beta", "alpha", "gamma"],
        ["gamma", "gamma", "beta"],
    ]


def test_an_episode_is_found_by_its_date_as_people_write_it_and_by_a_name_but_not_by_a_role():
    named, bare = episodes(turn(said("Hello!", name="Caroline"), said("Hi.", role="assistant")))
    assert named.words.startswith("8 May 2023 Caroline Hello!")
    assert "assistant" not in bare.words


def test_what_is_embedded_is_the_own_text_with_a_name_where_there_is_one():
    named, bare = episodes(turn(said("Hello!", name="Caroline"), said("Hi.", role="assistant")))
    assert (named.dense_text, bare.dense_text) == ("Caroline: Hello!", "Hi.")


def test_a_long_neighbour_adds_only_its_nearer_end():
    many = " ".join(f"w{i}" for i in range(300))
    made = episodes(turn(said("short"), preceding=many))
    assert made[0].words.endswith("w298 w299")
    assert "w200" not in made[0].words


def test_a_neighbour_without_spaces_cannot_swell_the_words():
    (episode,) = episodes(turn(said("short"), preceding="x" * 100_000))
    assert len(episode.words) < 2 * PIECE


def test_a_long_message_is_cut_between_sentences_and_every_piece_names_its_speaker():
    made = episodes(turn(said(sentences(60))))
    assert len(made) > 1
    for episode in made:
        assert episode.dense_text.endswith(".")
        assert episode.memory.text.startswith("[2023-05-08] user: ")
    assert made[0].memory.text.endswith("says a little. …")
    assert made[1].memory.text.startswith("[2023-05-08] user: … Sentence")
    assert made[-1].memory.text.endswith("says a little.")


def test_a_paragraph_break_is_preferred_to_the_end_of_a_sentence():
    first, second = cut(sentences(16) + "\n\n" + sentences(10))
    assert first == sentences(16)
    assert second == sentences(10)


def test_the_pieces_of_a_message_name_it_whole_as_their_source():
    text = sentences(60)
    assert len(text) < SOURCE
    assert {e.memory.sources[0].content for e in episodes(turn(said(text)))} == {text}


def test_the_pieces_of_a_paste_do_not_each_carry_all_of_it():
    made = episodes(turn(said(sentences(2000))))
    assert all(e.memory.sources[0].content == e.dense_text for e in made)


def test_of_a_huge_paste_the_beginning_and_the_end_are_kept():
    made = episodes(turn(said("Look at this. " + "x" * 2_000_000 + " What is wrong?")))
    assert len(made) == PIECES
    assert made[0].dense_text.startswith("Look at this.")
    assert made[-1].dense_text.endswith("What is wrong?")


def test_making_episodes_twice_yields_the_same_ids_and_no_two_are_equal():
    same = turn(said("ok"), said("ok", role="assistant"), said("ok"), said(sentences(80)))
    ids = [e.memory.id for e in episodes(same)]
    assert ids == [e.memory.id for e in episodes(same)]
    assert len(set(ids)) == len(ids)


def test_positions_order_the_episodes_of_a_turn():
    made = episodes(turn(said(sentences(60)), said("ok", role="assistant")))
    assert [e.memory.position for e in made] == list(range(len(made)))


@given(st.text(alphabet=st.sampled_from("ab é字.!\n"), max_size=5000))
def test_cutting_loses_nothing_but_blanks(text):
    pieces = cut(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece) <= PIECE for piece in pieces)
