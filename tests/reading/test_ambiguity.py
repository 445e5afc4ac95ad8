"""Sentences that may be meant in two ways: they are left unread."""

from __future__ import annotations

import pytest

from twinlens.reading.grammar.parse import parse, read


@pytest.mark.parametrize(
    "sentence",
    [
        "There are exactly 4 blue blocks in the towers.",
        "There are at least five black items in the boxes.",
        "There is a blue block in the towers.",
        "There is a box with two items of the same color and one item of a different color.",
        "There is a box with one item of a different color.",
        "There is a box with two items of the same color and two items of different colors.",
        "One of the towers has a yellow block at the base but not at the top.",
        "There is a tower with a yellow block at the top and not at the base.",
        "There is a tower with a blue block at the top and at the base.",
        "There is a tower with two blue blocks at the top.",
        "Each tower has at least two blocks at the base.",
        "There is a box with two blue blocks at the base.",
        "Each box has items of a different color.",
        "There is a box with items of a different shape.",
        "No box has two items of the same color.",
        "No box has items of the same color.",
        "There is a blue block at the top of a tower and a yellow block at the base.",
        "There is exactly one box with a circle and it is blue.",
        "There is no box with a circle and it is blue.",
        "None of the boxes has a circle and it is blue.",
        "Two boxes have one circle and it is touching the wall.",
        "There is a box with a circle and a square and it is blue.",
        "There is a box with only circles at the top.",
        "There is a box with only circles not touching the wall.",
        "There is a box with only circles touching the wall and a black item.",
        "There is a box with circles touching the wall only.",
        "There is a circle in the middle.",
        "There is a circle on top of a square.",
        # It is open whose number, quality or noun it is.
        "There are no black squares and a yellow circle on top of it.",
        "There are two circles and a square above it.",
        "There is a circle and no square above it.",
        "There is a circle with two squares above it.",
        "There are no circles and yellow squares.",
        "There are two blue circles and squares.",
        "There are blue circles and squares.",
        "There is a circle above a square and a black one.",
        "There are two blue circles, one black and three yellow squares.",
        "There is a tower with a blue base and a black one.",
        "There is a box with an item of the same color.",
        "There are towers with different colors.",
        "There are no black and yellow circles.",
        "There is a blue yellow circle.",
        "There is a circle touching the top of a square.",
        # It is open how far a negation, a comparison, "only" or a relation goes.
        "There is a box without blue circles and yellow squares.",
        "There is a box that does not have a circle and a square.",
        "There is a circle in a box without a square and a triangle.",
        "All circles are not blue.",
        "There is no circle in a box.",
        "There are more circles than squares and triangles.",
        "There is a box with only blue circles and a black square.",
        "There is a box with black circles and yellow squares only.",
        "There is a circle touching a square and a triangle.",
        "There is a circle above the squares.",
        # No number of a run or of a group is told.
        "There are exactly two black blocks stacked together.",
        "There are at most two black blocks stacked together.",
        "There are three circles touching each other.",
        "There is a box with four items of different colors.",
        # It is open what "that are", "of them" or "it" stands for.
        "There is a circle and a square that are blue.",
        "There is a circle and a blue square which are touching the wall.",
        "There is a box with a circle and at least two squares that are blue.",
        "There is a box with three squares and a circle and two of them are black.",
        "There are three circles and both are blue.",
        "There is a box with a circle and a square, and both are blue.",
        "There are two circles and it is blue.",
        "There is a circle and one of them is blue.",
        "There are two circles and three of them are blue.",
        # It is open whether a relation, an edge or a number is that of one or both.
        "There is a circle and a square touching a triangle.",
        "There is a box with a circle and a square over a triangle.",
        "There is a circle touching the wall and a square.",
        "There is a circle and a square at the top.",
        "There is a circle and a square in the middle.",
        "There is a blue circle and square.",
        "There are no blue circles and squares.",
        "There is no circle and a square.",
        "There are no circles and a square.",
        "There is a box with only circles and a yellow item.",
        "There are four circles in two boxes.",
        "There are three circles in all boxes.",
        "In two boxes there are three circles.",
        "There are two boxes with items of the same shape.",
        "There are at least two circles in two boxes.",
        "There is a tower with two blue blocks above a black block.",
        "There are two towers of the same color.",
        # A circle is in no tower, and the square may be an item; "on" and "between" are told of towers.
        "There is a circle at the top of a tower.",
        "There is a circle touching the top of the square.",
        "There is a circle touching the side of the square.",
        "There is a circle on a square.",
        "There is a black circle between two yellow squares.",
        # Signs are words too.
        "There are 2.5 circles.",
        "There are 1-2 circles.",
        "There are > 2 circles.",
        "There is a blue circle. There is a square.",
        "There is a non-blue circle.",
    ],
)
def test_what_is_open_is_left_unread(sentence):
    assert parse(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        # Is it said of the last noun, or of all of them?
        "There are 2 circles and 3 squares, all of them blue.",
        "There is a box with two circles and three squares, all blue.",
        "There are two circles and a triangle and all are blue.",
        "There is a circle, a square and a triangle, all blue.",
        "There are two blue items and three black items, all touching the wall.",
        "There is a box with two circles and a triangle, all of the same color.",
        "There is a circle and two squares, which share their color.",
        "There is a blue item and a black item, all circles.",
        "There is a box with a blue circle and a black square, all of the same size.",
        "There is a blue circle and two squares, all small.",
        "There are two circles, three squares and one triangle, and all of them are touching the wall.",
        "There is a blue item and a black item, all circles, and there is a triangle.",
        "There is a box with two circles with three squares, all blue.",
        # Of the first item, or of the one that it touches?
        "There is a circle touching a square but not touching the wall.",
        "There is a yellow circle touching a blue square, but not touching the wall.",
        "All circles touching a square but not touching the wall are yellow.",
        "There is a blue block over a yellow block but not at the base.",
        "There is a blue block over a yellow block but under a black block.",
        "There is a circle above a square but not touching the wall.",
        "There is no circle touching a square but not touching the wall.",
        "There is a box with a circle touching a square, but not touching a triangle.",
        # No block is above the top or below the base, so that the place is that of the first block.
        "There is a tower with a black block over a blue block at the top.",
        "There is a tower with a yellow block below a black block at the base.",
        "There is a blue block below a yellow block at the base of a tower.",
        "There is a blue block on a yellow block at the top of a tower.",
        "There is a blue block above a yellow block at the top.",
        "There is a blue block under a black block at the base.",
        # Is "at least" or "at most" that of both numbers?
        "There is a box with at least one blue and one black item.",
        "There is a box with at most two black and three blue items.",
        "There is a box with no more than one blue and one black circle.",
        "There are fewer than two circles and one square.",
        "There is a box with more than one blue and one black circle.",
        "There are from one to two circles and one square.",
        # How far do a comparison, a likeness or a negation go?
        "There are more circles than squares touching the wall.",
        "There is a circle and two squares of the same color.",
        "There are two circles and two squares of the same color.",
        "There are one circle and two squares of different colors.",
        "There is an item that is not a circle touching the wall.",
        "There is a circle touching a square not touching the wall.",
        "There is a circle touching a square, touching the wall.",
        "There are fewer circles than squares in the second place.",
        "Circles touching the wall are not blue.",
    ],
)
def test_what_is_open_is_not_guessed_either(sentence):
    reading = read(sentence)
    assert reading.meaning is None and reading.is_open


@pytest.mark.parametrize(
    "sentence",
    [
        "There is a box with two circles, all of them blue.",
        "There is a box with items touching the edge, all of them circles.",
        "There is a box with two circles and a square, and all squares are blue.",
        "There is a circle touching the wall but not touching a corner.",
        "There is a circle touching a square that is not touching the wall.",
        "There is a yellow block below a yellow block at the top.",
        "There is a box with at least three items and one is blue.",
        "There is a box with at least one blue circle and three triangles.",
        "There is a box with at least one blue and at least one black item.",
        "There are more circles than there are squares touching the wall.",
        "There is a tower with four blocks and has blocks of all three colors.",
    ],
)
def test_what_is_plain_is_read(sentence):
    assert parse(sentence) is not None
