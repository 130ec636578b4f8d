package main

// prompt is one task: a question for the chat template or, when raw, a text to go on
// with.
type prompt struct {
	kind, name, text string
	raw              bool
}

const (
	harbour = `The harbour of Lindal was built in 1842 by the engineer Maria Osterman. It has two breakwaters, each 310 metres long, and a lighthouse of red granite. In the first year 214 ships called there, most of them with timber and salt. After the storm of 1871 the northern breakwater was rebuilt with larger stones, and a second light was added at its end. Today the harbour serves forty fishing boats, a ferry to the islands, and a small yard where wooden boats are repaired.`

	memo = `To all staff: the canteen will be closed from Monday the 3rd to Friday the 7th of March while new ovens are installed. During this week sandwiches and soup can be bought in the entrance hall between 11:30 and 13:30. Please bring your own cups, because the dishwashers will not be in use. The canteen opens again on Monday the 10th of March with a new menu, which includes a daily vegetarian dish. Questions can be sent to the kitchen manager, Tomas Berg, on extension 4417.`

	code = `def average(values):
    total = 0
    for value in values:
        total = total + value
    return total / len(values)

def largest(values):
    best = values[0]
    for value in values:
        if value > best:
            best = value
    return best

def report(name, values):
    print(name)
    print("average:", average(values))
    print("largest:", largest(values))`

	order = `Order 58213 was placed on 14 May 2024 by Helena Wood, 12 Mill Lane, Ashford. It lists: 3 boxes of ceramic tiles, colour slate blue, at 24.50 each; 1 bag of tile adhesive, 20 kg, at 18.90; 2 rubber trowels at 6.25 each. Delivery is by truck on 21 May 2024 between 8:00 and 12:00. Payment was made by bank transfer, reference HW-58213-A.`

	people = `Name: Anna Petrova, Age: 34, City: Sofia, Job: architect
Name: Luis Ortega, Age: 41, City: Valencia, Job: train driver
Name: Mei Tanaka, Age: 29, City: Osaka, Job: chemist
Name: Jonas Weber, Age: 52, City: Leipzig, Job: baker
Name: Fatima Haddad, Age: 38, City: Tunis, Job: teacher`
)

// one example of each task, for prompts that show what is wanted
const (
	copyShot = "Text:\nThe mill stands by the river. It grinds wheat and rye.\n\nExact copy:\nThe mill stands by the river. It grinds wheat and rye.\n\nText:\n"
	editShot = "Text:\nThe mill stands by the river Aller. In winter the river Aller freezes.\nChange Aller to Weser:\nThe mill stands by the river Weser. In winter the river Weser freezes.\n\nText:\n"
	jsonShot = "Records:\nName: Omar Said, Age: 47, City: Cairo, Job: tailor\nName: Ida Holm, Age: 25, City: Bergen, Job: diver\nJSON:\n[\n" +
		"  {\"name\": \"Omar Said\", \"age\": 47, \"city\": \"Cairo\", \"job\": \"tailor\"},\n" +
		"  {\"name\": \"Ida Holm\", \"age\": 25, \"city\": \"Bergen\", \"job\": \"diver\"}\n]\n\n"
	factShot = "Order 1170 was placed on 2 March 2023 by Karl Brandt, 5 High Street, Dover. It lists: 2 lamps at 30.00 each. Delivery is on 9 March 2023. Payment: cash.\nJSON:\n" +
		"{\"order\": 1170, \"date\": \"2 March 2023\", \"customer\": \"Karl Brandt\", \"address\": \"5 High Street, Dover\", \"items\": \"2 lamps at 30.00 each\", \"delivery\": \"9 March 2023\", \"payment\": \"cash\"}\n\n"
)

// prompts are tasks whose answers repeat their input, and free ones.
var prompts = []prompt{
	{"quote", "passage", "Repeat the following text word for word, and write nothing else.\n\n" + harbour, false},
	{"quote", "memo", copyShot + memo + "\n\nExact copy:\n", true},
	{"quote", "program", "Program:\n" + code + "\n\nThe same program again:\n", true},
	{"edit", "a name", editShot + harbour + "\nChange Maria Osterman to Clara Lind:\n", true},
	{"edit", "a month", editShot + memo + "\nChange March to April:\n", true},
	{"edit", "a variable", "Program:\n" + code + "\n\nThe same program, with value renamed to item:\n", true},
	{"json", "records", jsonShot + "Records:\n" + people + "\nJSON:\n[\n", true},
	{"json", "order", factShot + order + "\nJSON:\n", true},
	{"free", "sky", "Why is the sky blue?", false},
	{"free", "story", "Write a short story about a lighthouse keeper who finds a message in a bottle.", false},
	{"free", "advice", "Give me advice on how to learn to play the piano as an adult.", false},
	{"free", "dialogue", "Write a conversation between a cat and a dog about the weather.", false},
	{"free", "continuation", "The old map showed a path through the mountains that nobody in the village had ever walked.", true},
}
