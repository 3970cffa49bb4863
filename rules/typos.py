"""One typing mistake forgiven: the texts that a sender may have meant, found by the words that rules expect next.

LANGUAGE.md section 4: a letter too many, too few, wrong, or two swapped, in an author's word of four letters or more;
words glued together (`REPAIRKEUKEN`, `NPS9`), or one word parted by a space. An author's digits are never a mistake:
OFFER98 is not OFFER99. Where the rules expect few words, each is compared; where they expect many, every text one
mistake away is looked up, so that the cost does not grow with the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rules.trie import Node, Walk
from rules.words import Words

MIN_LETTERS = 4
"""Letters of the author's word: shorter words are one mistake away from each other too often (JA, NEE, BAD)."""

MAX_LETTERS = 40
"""A longer word is no mistyped keyword; keeps the look-ups bounded."""

MAX_COMPARED = 64
"""Up to this many expected words are compared one by one; more are looked up."""

MAX_PLACES = 500
"""Places in the tree from which a text is mended; slots can lead to many."""

MAX_PIECES = 4
"""Words glued into one."""

Alphabets = dict[int, str]
"""The letters of a node's words by the node's id, worked out when first needed."""


def corrections(root: Node, walk: Walk, alphabets: Alphabets, *, first_exact: bool) -> Iterator[Words]:
    """The texts one mistake away that lead further into the tree, in no particular order, some perhaps twice."""
    words, texts = walk.words, walk.words.words
    for node, at in _places(root, walk):
        if at == len(texts) or (first_exact and at == 0):
            continue
        text = texts[at]
        for edges in (node.words, node.choices):
            for meant in _near(edges, text, alphabets):
                yield words.replaced(at, 1, [(meant, words.slices[at])])
            if at + 1 < len(texts) and _joinable(edges, text + texts[at + 1]):
                place = (words.slices[at][0], words.slices[at + 1][1])
                yield words.replaced(at, 2, [(text + texts[at + 1], place)])
        if MIN_LETTERS <= len(text) <= MAX_LETTERS:
            for pieces in _unglued(node, text, MAX_PIECES):
                yield words.replaced(at, 1, words.cut(at, pieces))


def _places(root: Node, walk: Walk) -> Iterator[tuple[Node, int]]:
    """Every node that some beginning of the text leads to without a mistake, with the next word."""
    texts = walk.words.words
    waiting, seen = [(root, 0)], set[tuple[int, int]]()
    while waiting and len(seen) < MAX_PLACES:
        node, at = waiting.pop()
        if (id(node), at) in seen:
            continue
        seen.add((id(node), at))
        yield node, at
        if at < len(texts):
            waiting.extend((edges[texts[at]], at + 1) for edges in (node.words, node.choices) if texts[at] in edges)
            for _, reader, child in node.slots:
                waiting.extend((child, end) for end, _, _ in walk.readings(reader, at))
        if node.anything is not None:
            waiting.extend((node.anything, end) for end in range(at, len(texts) + 1))


def _near(edges: Mapping[str, Node], text: str, alphabets: Alphabets) -> list[str]:
    if not edges or not MIN_LETTERS - 1 <= len(text) <= MAX_LETTERS:
        return []
    if len(edges) <= MAX_COMPARED:
        return [word for word in edges if _one_mistake(text, word) and _forgivable(word, text)]
    if id(edges) not in alphabets:
        alphabets[id(edges)] = "".join(sorted(frozenset("".join(edges))))
    return [word for word in mistaken(text, alphabets[id(edges)]) if word in edges and _forgivable(word, text)]


def _forgivable(meant: str, typed: str) -> bool:
    if sum(map(str.isalpha, meant)) < MIN_LETTERS:
        return False
    digits = [character for character in meant if character.isdigit()]
    return not digits or digits == [character for character in typed if character.isdigit()]


def _one_mistake(typed: str, meant: str) -> bool:
    """Whether one insertion, deletion, replacement or swap of neighbours makes one from the other."""
    if abs(len(typed) - len(meant)) > 1 or typed == meant:
        return False
    first = 0
    while first < min(len(typed), len(meant)) and typed[first] == meant[first]:
        first += 1
    if len(typed) != len(meant):
        shorter, longer = sorted((typed, meant), key=len)
        return shorter[first:] == longer[first + 1 :]
    swapped = meant[:first] + meant[first + 1 : first + 2] + meant[first : first + 1] + meant[first + 2 :]
    return typed[first + 1 :] == meant[first + 1 :] or typed == swapped


def mistaken(text: str, alphabet: str) -> set[str]:
    """Every text one mistake away."""
    cuts = [(text[:at], text[at:]) for at in range(len(text) + 1)]
    found = {head + tail[1:] for head, tail in cuts if tail}
    found.update(head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1)
    found.update(head + letter + tail[1:] for head, tail in cuts if tail for letter in alphabet)
    found.update(head + letter + tail for head, tail in cuts for letter in alphabet)
    found.discard(text)
    return found


def _joinable(edges: Mapping[str, Node], joined: str) -> bool:
    return joined in edges and _forgivable(joined, joined)


def _unglued(node: Node, text: str, pieces: int) -> Iterator[list[str]]:
    """The ways to cut a text into words that rules expect one after another; the last may be a slot's number."""
    for length in range(1, len(text)):
        head, tail = text[:length], text[length:]
        for edges in (node.words, node.choices):
            child = edges.get(head)
            if child is None:
                continue
            number = tail.isdigit() and not head[-1].isdigit() and child.slots
            if tail in child.words or tail in child.choices or number:
                yield [head, tail]
            if pieces > 2:
                yield from ([head, *others] for others in _unglued(child, tail, pieces - 1))
