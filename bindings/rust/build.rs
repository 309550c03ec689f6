// SPDX-License-Identifier: MIT
// build.rs: compiles the allocator into the crate: its unity file, with the C compiler that CC
// names (default: cc), and an archive of it with AR (default: ar). Nothing else is needed. The same
// compiler says where the fields are that the inline paths use (src/layout.c).
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn run(command: &mut Command) {
    let status = command.status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{command:?} failed: {status}"),
        Err(error) => panic!("{command:?} cannot be run: {error}"),
    }
}

fn tool(variable: &str, default: &str) -> String {
    println!("cargo:rerun-if-env-changed={variable}");
    env::var(variable).unwrap_or_else(|_| default.to_string())
}

/// Compiles one file: `-c` to an object, `-S` to assembly.
fn compile(root: &Path, kind: &str, source: &Path, object: &Path, debug: bool) {
    let mut command = Command::new(tool("CC", "cc"));
    command.arg(kind).arg(source).arg("-o").arg(object);
    command.arg("-I").arg(root.join("include")).arg("-I").arg(root.join("src"));
    command.args(["-std=c11", "-O3", "-fPIC", "-fexceptions", "-fvisibility=hidden"]);
    command.args(["-ftls-model=initial-exec", "-fno-semantic-interposition"]);
    command.args(["-fno-builtin-malloc", "-fno-builtin-free"]);
    // Assertions cost little; the audits of whole structures are for the library's own tests.
    command.arg(if debug { "-DRIX_DEBUG=1" } else { "-DNDEBUG" });
    run(&mut command);
}

/// layout.rs: `pub const NAME: (usize, usize)` for each `->NAME offset size` of layout.c.
fn write_layout(assembly: &Path, layout: &Path) {
    let text = fs::read_to_string(assembly).expect("the compiler made it");
    let mut constants = String::new();
    for line in text.lines().filter_map(|line| line.split_once("\"->")) {
        let words: Vec<&str> = line.1.split([' ', '\\', '"']).collect();
        constants += &format!(
            "pub const {}: (usize, usize) = ({}, {});\n",
            words[0], words[1], words[2]
        );
    }
    fs::write(layout, constants).expect("OUT_DIR can be written to");
}

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let root = here.join("../..");
    let debug = env::var_os("CARGO_FEATURE_DEBUG").is_some();
    let archive = out.join("librimalloc_rust.a");
    let mut objects = Vec::new();
    for source in [root.join("src/rimalloc.c"), here.join("src/no_catch.c")] {
        let stem = source.file_stem().expect("has a name").to_os_string();
        let object = out.join(stem).with_extension("o");
        compile(&root, "-c", &source, &object, debug);
        objects.push(object);
    }
    let assembly = out.join("layout.s");
    compile(&root, "-S", &here.join("src/layout.c"), &assembly, debug);
    write_layout(&assembly, &out.join("layout.rs"));
    let mut command = Command::new(tool("AR", "ar"));
    run(command.arg("crs").arg(&archive).args(&objects));
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=rimalloc_rust");
    println!("cargo:rerun-if-changed={}", root.join("src").display());
    println!("cargo:rerun-if-changed={}", root.join("include").display());
    for source in ["src/no_catch.c", "src/layout.c"] {
        println!("cargo:rerun-if-changed={}", here.join(source).display());
    }
}
