"""English words that are one slip away from a word of `spelling.MENDED`, or look like two words run together.

They are no slips: "some" is never mended to "same", nor "larger" to "large".
"""

_WORDS = """
abase abject abode abut aright aside atone atop babe back bade bake bakes bale bales ball balls bane
bare bares barge baser bask bass bates beast bight blacks blank bloc blocky blow blued bluer blues
bluet blur bones bores bottoms bower bowers boxed boxer boxers brock call calls came cases circled
circlet clack clock clocks clue colon colons corned cornet cornets coroner coroners couching cower
cowers dame dearly dive dolor dour dower early ease eases east edged edger edgy eighth eights eighty
even fall falls fame feast fellow fife fight file fine fire fives flack flock flocks flour flue for
foul fours foxes fur gall galls game gases give glue hall halls hedge hedges here hive hour jive
kith lack lame larger largo last leant leapt leas lease leash ledge ledges light live lock locks
lowers mall malls marge mellow might mower mowers name nearby neatly night our pall palls pearly
pith pouching pour power powers poxes rive rower rowers safe sage sake sale samey sane save scape
sedge seen seize seizes sever shade shades shake shakes shale shall shame shames shaper shares shave
shaves sight sine sines sire sires site sites slack slue smalls smell sour sower squared squarer
squire squires stall stem stems sunder tall tame tedium thee theme these threw throe tight toner
torching tour towed towel towels tree udder vase vases vouching wail wails wale wales walk walks
wedge wedges weight weights well wells width wight will wills wish wit witch withe wits yearly yeast
yellows yellowy your
"""
WORDS = frozenset(_WORDS.split())
