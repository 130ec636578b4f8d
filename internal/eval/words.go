package eval

import "strings"

// Word classes of the prose that needles are hidden in. None of them has digits or
// hyphens, and none occurs in a needle.
var classes = map[byte][]string{
	'n': strings.Fields(`Agnes Bertram Clara Douglas Edith Francis Greta Hector Irene Jasper Klara Leopold Martha Norbert Olive Patrick
		Ruth Stefan Thea Ulrich Vera Walter Yvonne Arthur Beatrice Conrad Dora Edmund Flora Gilbert Helga Ivan Johanna Kaspar Lydia Magnus
		Nora Oscar Paula Quentin Rosa Simon Tilda Urban Viola Wilfred Alma Benedict Cora Dominic Elsa Felix Gerda Harold Ida Jerome Kirsten
		Lambert Mabel Nathan Odette Philip Rebecca Samuel`),
	't': strings.Fields(`carpenter baker weaver miller teacher sailor gardener doctor printer clerk farmer potter tailor painter singer
		lawyer cook driver mason nurse porter ranger shepherd smith surveyor tanner thatcher tinker trader butcher barber cobbler cooper
		glazier grocer harbourmaster innkeeper jeweller joiner librarian milliner musician notary optician pharmacist pilot plumber
		postman roofer saddler sculptor seamstress stationer tutor upholsterer vintner waiter watchmaker wheelwright draughtsman brewer
		dyer fiddler gamekeeper`),
	'l': strings.Fields(`harbour market chapel orchard station library mill bridge quarry tavern workshop meadow school courthouse bakery
		lighthouse garden warehouse theatre museum cellar barn stable river lake forest valley hillside village monastery hospital
		bathhouse brewery canal cemetery crossroads dairy ferry foundry fountain granary greenhouse guildhall hostel kiln laundry
		observatory palace park pier playground pottery square rectory sawmill shipyard slaughterhouse spring tannery terrace tollhouse
		tower vineyard waterworks`),
	'o': strings.Fields(`hammer ladder basket lantern rope kettle barrel wagon shovel needlecase mirror bell candle chisel clock compass
		crate cushion drum envelope flute funnel glove hinge inkwell jug knife ledger loom mallet mattress nail oar paddle pail pan parcel
		pencil pillow pitcher plough pulley quilt rake saddle saw scale scarf scissors shawl sieve spade spoon stool sundial tablecloth
		telescope thimble trowel trunk umbrella violin wheelbarrow whistle`),
	'w': strings.Fields(`rain fog snow sunshine wind hail drizzle frost thunder heat mist sleet`),
	'm': strings.Fields(`morning evening afternoon night dawn dusk noon spring summer autumn winter midnight`),
	'a': strings.Fields(`old heavy broken small bright dusty narrow quiet wooden damp crooked polished faded hollow plain rusty smooth
		sturdy torn warm cold empty gentle careful curious famous foreign honest humble lonely modest patient pleasant proud ragged rough
		rude sleepy slender solid spare steep stubborn sudden tall thick tidy tired uneven useful weary wide wild worn worthy young
		cheerful clumsy delicate dull eager faint fresh`),
	'v': strings.Fields(`carried repaired sold borrowed painted forgot described lifted cleaned measured hid polished dropped returned
		examined admired wrapped bought traded mended found washed sketched moved weighed buried collected copied counted covered
		decorated emptied guarded inspected labelled lent lost noticed offered opened packed placed praised recognised refused removed
		replaced rescued rented scrubbed sharpened shook sorted stored tested tied touched unpacked wanted watched`),
	'f': strings.Fields(`bread soup cheese apples porridge fish honey cabbage dumplings pears onions mutton lentils butter plums cider
		milk mushrooms walnuts pancakes barley beans cherries cream currants gravy ham herring jam leeks mustard noodles oatcakes parsnips
		pastry peas pickles potatoes raisins rhubarb`),
}

// opening begins a paragraph and names its subject; following sentences speak of
// the subject by a pronoun. {x} draws from class x, {N} is the subject, {p} its
// pronoun at the start of a sentence.
var (
	opening = []string{
		"{N} the {t} lived near the {l} and knew every {a} corner of it.",
		"In the {m} {N}, a {a} {t}, walked from the {l} to the {l}.",
		"Nobody at the {l} had expected {N} the {t} to arrive before the {w}.",
		"When the {w} came, {N} the {t} was still working at the {l}.",
		"{N} had been a {t} for many years and owned a {a} {o}.",
		"The {a} {t} at the {l} was called {N}.",
		"On a {a} {m} {N} the {t} set out for the {l}.",
		"People said that {N} the {t} had once {v} a {o} in the {l}.",
	}
	following = []string{
		"{p} {v} the {a} {o} and left it beside the {l}.",
		"{p} asked the {t} whether the {o} was worth more than the {o}.",
		"After the {w} {p} {v} a {o} that belonged to the {t}.",
		"The {t} gave {P} some {f} and a {a} {o}.",
		"{p} never spoke about the {l}, where the {w} had done much harm.",
		"There was {f} on the table, and the {o} stood in the corner.",
		"By {m} the {l} was full of people who had come for the {f}.",
		"{p} thought that the {a} {t} had {v} the wrong {o}.",
		"Later {p} went to the {l} and {v} every {o} there.",
		"A {a} {o} lay under the bench, and nobody {v} it.",
		"The {w} lasted until {m}, so the {t} stayed at the {l}.",
		"{p} ate {f} with {f} and talked with the {t} about the {o}.",
		"The road to the {l} was {a}, and the {o} was {a} too.",
		"{p} wrote a letter to the {t}, who had {v} the {o}.",
		"Behind the {l} stood a {a} {o} which the {t} had {v}.",
		"{p} sat down by the window and watched the {w} over the {l}.",
		"The {t} from the {l} wanted a {o}, but there was only {f}.",
		"Once more {p} {v} the {o}, and once more the {t} laughed.",
		"For the {f} {p} paid with a {a} {o}.",
		"It was {m} before the {a} {t} came back with the {o}.",
		"{p} kept the {o} in a {a} box near the {l}.",
		"Every {m} the {t} brought {f} to the {l}.",
		"The {o} had been {v} twice, first by the {t} and then by {N}.",
		"{p} could not remember who had {v} the {a} {o}.",
		"A smell of {f} came from the {l}, and the {t} smiled.",
		"Without the {o} the {t} could do nothing, and the {m} was {a}.",
		"{p} showed the {o} to a {a} {t} from the {l}.",
		"The {t} said the {w} would end before {m}.",
		"Near the {l} {p} met a {t} with a {a} {o}.",
		"That {m} the {l} seemed {a}, and even the {f} tasted {a}.",
		"{p} laughed, because the {t} had {v} the {f} instead of the {o}.",
		"In the end the {o} went to the {l}, and {p} went home.",
		"Two of the {o}s were {a}, and the {t} {v} both.",
		"{p} promised the {t} a {o} and some {f}.",
		"Nothing at the {l} was as {a} as the {o} of the {t}.",
		"If the {w} had not come, the {t} would have {v} the {o}.",
		"{p} closed the door of the {l} and listened to the {w}.",
		"The {f} was {a}, yet the {t} asked for more.",
		"Somebody had {v} the {o} during the {m}.",
		"{p} preferred the {l} to the {l} in the {w}.",
	}
	repeated = []string{
		"The grass is green.", "The sky is blue.", "The sun is warm.", "We walk along the path.", "There and back we go again.",
	}
	syllables = strings.Fields(`ba be bi bo bu da de di do du fa fe fi fo fu ga ge gi go gu ka ke ki ko ku la le li lo lu ma me mi mo mu
		na ne ni no nu pa pe pi po pu ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo vu wa we wi wo za ze zi zo zu
		bran dor fen gral hist jol krin lum mork nel prag quin`)
	adjectives = strings.Fields(`amber azure brisk coral crimson dapper ebony elated fabled feisty frosted gilded golden hazel indigo ivory
		jaunty keen lavender lilac lofty lucid lunar mellow misty nimble noble olive onyx opal pearly pewter placid plucky quaint rosy
		royal ruby rustic sable saffron sandy scarlet serene silver snowy solar spry stellar sunny teal tranquil velvet verdant violet
		vivid whimsical zesty agile bold`)
	nouns = strings.Fields(`badger beacon bison canyon cedar cobra comet condor cougar crane cypress dolphin eagle falcon fern gazelle
		glacier heron ibex iris jaguar jasmine kestrel koala lagoon lemur leopard lily lotus lynx magnolia maple meteor narwhal nebula
		ocelot orchid osprey otter panda panther pelican phoenix plover puma quail raven reef robin salmon sequoia sparrow stork swan
		thistle tiger toucan tulip viper walrus willow wombat yak zebra`)
)
