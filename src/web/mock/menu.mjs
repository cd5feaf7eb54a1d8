// A menu to develop the pages against.
const T = (ru, uz, en) => ({ ru, uz, en });
const dish = (id, category, name, description, price, weight_g, kcal, allergens, cook_s) => ({ id, category, name, description, price_minor: price * 100, weight_g, kcal, allergens, cook_s, available: true });

export const categories = [
  { id: "soups", name: T("Супы", "Shoʻrvalar", "Soups") },
  { id: "mains", name: T("Горячее", "Issiq taomlar", "Mains") },
  { id: "salads", name: T("Салаты", "Salatlar", "Salads") },
  { id: "desserts", name: T("Десерты", "Shirinliklar", "Desserts") },
  { id: "drinks", name: T("Напитки", "Ichimliklar", "Drinks") },
];

export const dishes = [
  dish("borscht", "soups", T("Борщ со сметаной", "Smetanali borsh", "Borscht with sour cream"), T("Свёкла, говядина, капуста, сметана и укроп. Варим каждую порцию отдельно.", "Lavlagi, mol goʻshti, karam, smetana va ukrop. Har porsiya alohida pishiriladi.", "Beetroot, beef, cabbage, sour cream and dill. Every portion is cooked on its own."), 320, 350, 240, ["milk", "celery"], 480),
  dish("shurpa", "soups", T("Шурпа", "Shoʻrva", "Shurpa"), T("Наваристый суп с говядиной, картофелем и зеленью.", "Mol goʻshti, kartoshka va koʻkatli quyuq shoʻrva.", "A rich soup of beef, potato and herbs."), 360, 400, 310, [], 540),
  dish("mushroom-cream-soup", "soups", T("Грибной крем-суп", "Qoʻziqorinli krem-shoʻrva", "Cream of mushroom"), T("Шампиньоны, сливки, тимьян.", "Shampinyon, qaymoq, timyan.", "Champignons, cream, thyme."), 340, 300, 280, ["milk"], 420),
  dish("plov", "mains", T("Плов по-ташкентски", "Toshkentcha palov", "Tashkent plov"), T("Рис лазер, баранина, жёлтая морковь, нут и головка чеснока.", "Lazer guruch, qoʻy goʻshti, sariq sabzi, noʻxat va sarimsoq.", "Laser rice, lamb, yellow carrot, chickpeas and a head of garlic."), 450, 350, 620, [], 900),
  dish("manti", "mains", T("Манты", "Manti", "Manti"), T("Пять мантов с рубленой говядиной и луком, на пару.", "Bugʻda pishirilgan, qiymali beshta manti.", "Five steamed dumplings with chopped beef and onion."), 420, 300, 540, ["gluten", "egg"], 720),
  dish("pelmeni", "mains", T("Пельмени домашние", "Uy chuchvarasi", "Home pelmeni"), T("Свинина и говядина, сметана, чёрный перец.", "Goʻshtli chuchvara, smetana, qora murch.", "Pork and beef, sour cream, black pepper."), 390, 280, 510, ["gluten", "egg", "milk"], 420),
  dish("lagman", "mains", T("Лагман", "Lagʻmon", "Lagman"), T("Тянутая лапша, говядина, перец, зелень.", "Choʻzma lagʻmon, mol goʻshti, qalampir, koʻkat.", "Pulled noodles, beef, peppers, herbs."), 430, 380, 560, ["gluten", "soy"], 600),
  dish("salmon-steak", "mains", T("Лосось на гриле", "Grilda losos", "Grilled salmon"), T("Стейк лосося с лимоном и зелёным салатом.", "Limon va koʻk salat bilan losos steyki.", "A salmon steak with lemon and green leaves."), 790, 260, 430, ["fish"], 660),
  dish("shashlik", "mains", T("Шашлык из говядины", "Mol goʻshtidan shashlik", "Beef shashlik"), T("Три шпажки, маринованный лук, томаты.", "Uchta six, marinadlangan piyoz, pomidor.", "Three skewers, pickled onion, tomatoes."), 560, 280, 480, ["mustard"], 840),
  dish("achichuk-salad", "salads", T("Салат ачичук", "Achchiq-chuchuk", "Achichuk salad"), T("Томаты, красный лук, базилик.", "Pomidor, qizil piyoz, rayhon.", "Tomatoes, red onion, basil."), 240, 200, 90, [], 120),
  dish("caesar", "salads", T("Цезарь с курицей", "Tovuqli sezar", "Chicken Caesar"), T("Романо, курица, пармезан, крутоны.", "Romano, tovuq, parmezan, qoqnon.", "Romaine, chicken, parmesan, croutons."), 410, 260, 390, ["gluten", "milk", "egg", "fish"], 240),
  dish("medovik", "desserts", T("Медовик", "Asalli tort", "Honey cake"), T("Восемь тонких коржей, сметанный крем.", "Sakkizta yupqa qatlam, smetanali krem.", "Eight thin layers, sour-cream filling."), 260, 150, 420, ["gluten", "milk", "egg", "honey"], 60),
  dish("syrniki", "desserts", T("Сырники с ягодами", "Mevali sirniki", "Syrniki with berries"), T("Пять сырников, малина, сметана.", "Beshta sirniki, malina, smetana.", "Five curd pancakes, raspberry, sour cream."), 310, 220, 450, ["gluten", "milk", "egg"], 360),
  dish("green-tea", "drinks", T("Зелёный чай", "Koʻk choy", "Green tea"), T("Чайник на двоих.", "Ikki kishilik choynak.", "A pot for two."), 150, 400, 2, [], 120),
  dish("sea-buckthorn-lemonade", "drinks", T("Облепиховый лимонад", "Chakanda limonadi", "Sea-buckthorn lemonade"), T("Облепиха, апельсин, мята, лёд.", "Chakanda, apelsin, yalpiz, muz.", "Sea buckthorn, orange, mint, ice."), 220, 400, 160, [], 60),
  dish("cappuccino", "drinks", T("Капучино", "Kapuchino", "Cappuccino"), T("Двойной эспрессо и молоко.", "Qoʻsh espresso va sut.", "A double espresso and milk."), 190, 250, 120, ["milk"], 90),
];
const at = (id) => dishes.find((one) => one.id === id);
const choice = (id, name, price = 0, more = {}) => ({ id, name, price_minor: price * 100, available: true, allergens: [], standard: false, ...more });

Object.assign(at("salmon-steak"), { available: false, reason: T("Закончился", "Tugadi", "Sold out"), back_at: Date.now() + 2 * 3_600_000 });
Object.assign(at("borscht"), {
  composition: [T("свёкла", "lavlagi", "beetroot"), T("говядина", "mol goʻshti", "beef"), T("капуста", "karam", "cabbage"), T("картофель", "kartoshka", "potato"), T("укроп", "ukrop", "dill")],
  allergens: ["celery"],
  suggest: ["green-tea", "medovik"],
  options: [
    { id: "size", name: T("Порция", "Porsiya", "Size"), min: 1, max: 1, choices: [choice("regular", T("Обычная, 350 г", "Oddiy, 350 g", "Regular, 350 g"), 0, { standard: true }), choice("large", T("Большая, 500 г", "Katta, 500 g", "Large, 500 g"), 90)] },
    { id: "cream", name: T("Сметана", "Smetana", "Sour cream"), min: 0, max: 1, choices: [choice("with", T("Со сметаной", "Smetana bilan", "With sour cream"), 0, { standard: true, allergens: ["milk"] })] },
    { id: "extra", name: T("Добавить", "Qoʻshimcha", "Extras"), min: 0, max: 3, choices: [choice("beef", T("Ещё говядины", "Yana mol goʻshti", "More beef"), 120), choice("pampushka", T("Пампушка", "Pampushka", "Garlic bun"), 60, { allergens: ["gluten"] }), choice("adjika", T("Аджика", "Adjika", "Adjika"), 30, { available: false, reason: T("закончилась", "tugadi", "sold out") })] },
  ],
});
Object.assign(at("plov"), { composition: [T("рис лазер", "lazer guruch", "laser rice"), T("баранина", "qoʻy goʻshti", "lamb"), T("морковь", "sabzi", "carrot"), T("нут", "noʻxat", "chickpeas")], suggest: ["achichuk-salad"] });
Object.assign(at("cappuccino"), { options: [{ id: "milk", name: T("Молоко", "Sut", "Milk"), min: 1, max: 1, choices: [choice("cow", T("Коровье", "Sigir suti", "Cow’s"), 0, { allergens: ["milk"] }), choice("oat", T("Овсяное", "Suli suti", "Oat"), 50, { allergens: ["gluten"] })] }], allergens: [] });
at("medovik").picture = { hash: "mock", sizes: [320, 640, 1280] };

export const promotions = [
  { id: "lunch", name: T("Обед: суп и напиток", "Tushlik: shoʻrva va ichimlik", "Lunch: soup and a drink"), note: T("Зелёный чай к любому супу за 90 ₽", "Har qanday shoʻrvaga koʻk choy 90 ₽", "Green tea with any soup for 90 ₽"), kind: "combo", dishes: ["borscht", "shurpa", "mushroom-cream-soup", "green-tea"], until_at: Date.now() + 3 * 3_600_000 },
  { id: "code", name: T("Промокод", "Promokod", "Promo code"), kind: "code", dishes: [] },
];
