package main

// prompt is one task.
type prompt struct{ kind, name, text string }

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

// prompts are tasks whose answers repeat their input, and free ones.
var prompts = []prompt{
	{"quote", "passage", "Repeat the following text word for word, and write nothing else.\n\n" + harbour},
	{"quote", "memo", "Copy this memo exactly as it is:\n\n" + memo},
	{"quote", "code", "Repeat this program exactly, without changes:\n\n" + code},
	{"edit", "change a name", "Rewrite the following text with the name Maria Osterman replaced by Clara Lind. Keep everything else the same.\n\n" + harbour},
	{"edit", "change a month", "Rewrite this memo for April instead of March. Change nothing else.\n\n" + memo},
	{"edit", "rename a variable", "Rewrite this program with the variable value renamed to item. Keep everything else the same.\n\n" + code},
	{"json", "records", "Turn these records into a JSON list of objects with the keys name, age, city and job.\n\n" + people},
	{"json", "order", "Extract the order below as JSON with the keys order, date, customer, address, items, delivery and payment. Use the words of the text.\n\n" + order},
	{"free", "sky", "Why is the sky blue?"},
	{"free", "story", "Write a short story about a lighthouse keeper who finds a message in a bottle."},
	{"free", "advice", "Give me advice on how to learn to play the piano as an adult."},
	{"free", "dialogue", "Write a conversation between a cat and a dog about the weather."},
}
