// SPDX-License-Identifier: MIT
//! The program in Rust: `work=json threads=8 scale=1`. As cxx/main.cc: all threads together do the
//! same steps, however many there are; `ops N check X` says what was read back.
use regex::Regex;
use serde_json::{json, Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;
use std::thread;

/// Random numbers of a step.
struct Numbers(u64);

impl Numbers {
    fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1))
    }
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
    fn word(&mut self, kinds: u64) -> String {
        const SYLLABLES: [&str; 8] = ["ka", "mon", "ter", "li", "sou", "ven", "ra", "dri"];
        let mut left = self.below(kinds) + 8;
        let mut text = String::new();
        while left != 0 {
            text.push_str(SYLLABLES[(left % 8) as usize]);
            left /= 8;
        }
        text
    }
}

/// FNV-1a.
fn hash_of(text: &str) -> u64 {
    let start = 14695981039346656037u64;
    text.bytes().fold(start, |hash, c| (hash ^ u64::from(c)).wrapping_mul(1099511628211))
}

/// A document of some 20 KB is made, printed, parsed, changed and printed again.
fn json_step(index: u64) -> u64 {
    let mut draw = Numbers::new(index);
    let mut document = Map::new();
    for _ in 0..60 {
        let tags: Vec<Value> = (0..draw.below(12)).map(|_| draw.word(300).into()).collect();
        let entry = json!({
            "name": draw.word(5000),
            "id": draw.below(1 << 30),
            "ratio": draw.below(1000) as f64 / 8.0,
            "tags": tags,
            "place": {"x": draw.below(100), "y": draw.below(100), "at": draw.word(90)},
        });
        document.insert(draw.word(100_000), entry);
    }
    let document = Value::Object(document);
    let first = document.to_string();
    let mut again: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(again, document);
    for (_, entry) in again.as_object_mut().unwrap() {
        entry["id"] = (entry["id"].as_u64().unwrap() + 1).into();
        entry["place"]["at"] = entry["name"].clone();
    }
    hash_of(&first).wrapping_add(hash_of(&serde_json::to_string_pretty(&again).unwrap()))
}

/// Expressions are compiled, matches with groups are found, text is replaced.
fn regex_step(index: u64) -> u64 {
    let mut draw = Numbers::new(index);
    let mut text = String::new();
    for i in 0..200 {
        text += &draw.word(4000);
        if i % 16 == 0 {
            write!(text, "@{}.org", draw.word(60)).unwrap();
        }
        if i % 64 == 0 {
            write!(text, " 20{}-0{}-11", 10 + draw.below(80), 1 + draw.below(9)).unwrap();
        }
        text.push(if i % 9 == 8 { '\n' } else { ' ' });
    }
    let address = Regex::new(r"([a-z]+)@([a-z]+)\.([a-z]{2,3})").unwrap();
    let date = Regex::new(r"([0-9]{4})-([0-9]{2})-([0-9]{2})").unwrap();
    let mut found: Vec<String> = Vec::new();
    for groups in address.captures_iter(&text) {
        found.extend(groups.iter().map(|part| part.unwrap().as_str().to_string()));
    }
    let sum = hash_of(&date.replace_all(&text, "$3.$2.$1"));
    found.iter().fold(sum, |sum, part| sum.wrapping_add(hash_of(part)))
}

/// Words are counted in a hash table, listed by count in a tree, and half of them removed.
fn maps_step(index: u64) -> u64 {
    let mut draw = Numbers::new(index);
    let mut places: HashMap<String, Vec<u32>> = HashMap::new();
    for i in 0..3000 {
        places.entry(draw.word(2000)).or_default().push(i);
    }
    let mut by_count: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (word, at) in &places {
        by_count.entry(at.len()).or_default().push(word.clone());
    }
    let mut sum = 0u64;
    for (count, words) in &by_count {
        for word in words {
            sum = sum.wrapping_add((*count as u64).wrapping_mul(hash_of(word)));
            if hash_of(word) % 2 == 0 {
                places.remove(word);
            }
        }
    }
    for i in 0..1000 {
        places.entry(draw.word(2000)).or_default().push(i);
    }
    places.iter().fold(sum, |sum, (word, at)| {
        sum.wrapping_add((at.len() as u64).wrapping_mul(hash_of(word)))
    })
}

/// Words are sorted, joined and kept in a list of versions.
fn strings_step(index: u64) -> u64 {
    let mut draw = Numbers::new(index);
    let mut versions: Vec<Arc<String>> = Vec::new();
    let mut sum = 0u64;
    for _ in 0..20 {
        let mut words: Vec<String> =
            (0..80).map(|_| draw.word(1 << 30) + "-" + &draw.word(1 << 20)).collect();
        words.sort();
        let mut joined = String::new();
        for word in &words {
            joined += word;
            joined.push(' ');
        }
        versions.push(Arc::new(joined));
        if versions.len() > 5 {
            sum = sum.wrapping_add(hash_of(&versions.remove(0)));
        }
    }
    sum
}

const KINDS: [(&str, fn(u64) -> u64, f64); 4] = [
    ("json", json_step, 2000.0),
    ("regex", regex_step, 1600.0),
    ("maps", maps_step, 2000.0),
    ("strings", strings_step, 4000.0),
];

fn argument(key: &str, otherwise: &str) -> String {
    let key = format!("{key}=");
    let found = std::env::args().find_map(|word| word.strip_prefix(&key).map(str::to_string));
    found.unwrap_or_else(|| otherwise.to_string())
}

pub fn run() {
    let wanted = argument("work", "json");
    let threads: u64 = argument("threads", "1").parse().unwrap();
    let scale: f64 = argument("scale", "1").parse().unwrap();
    let (_, step, steps) = *KINDS.iter().find(|kind| kind.0 == wanted).expect("such work");
    let steps = (steps * scale) as u64 + 1;
    let part = move |t: u64| {
        (t..steps).step_by(threads as usize).fold(0u64, |sum, i| sum.wrapping_add(step(i)))
    };
    let all: Vec<_> = (0..threads).map(|t| thread::spawn(move || part(t))).collect();
    let sum = all.into_iter().fold(0u64, |sum, t| sum.wrapping_add(t.join().unwrap()));
    println!("ops {steps} check {sum:016x}");
}
