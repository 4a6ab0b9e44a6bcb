# Shared by the scripts in this folder: where things are, and how to say what is missing.
# Nothing here asks a question: with CI=true, no terminal and no stdin it works the same.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Tools that are built from source (wasm-bindgen) live here; a CI may cache this folder.
tools=${BLUEPANE_TOOLS:-$root/.tools}
export PATH="$tools/bin:$PATH"

node_minimum=20
wasm_target=wasm32-unknown-unknown

say() { printf '==> %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Debian packages. As root they are installed; anybody else is told the exact command.
apt_install() {
  local wanted=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || wanted+=("$package")
  done
  [ ${#wanted[@]} -eq 0 ] && return 0
  [ "$(id -u)" = 0 ] ||
    die "these Debian packages are missing: ${wanted[*]}" \
      "run: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${wanted[*]}"
  say "installing ${wanted[*]}"
  apt_update
  apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends "${wanted[@]}" </dev/null >&2
}

# The package lists of a fresh container are empty or old; once an hour is enough.
apt_update() {
  local stamp=/var/lib/apt/lists/.bluepane
  [ -z "$(find "$stamp" -mmin -60 2>/dev/null)" ] || return 0
  # One source that is out of reach must not hide the packages of the others.
  apt-get update -q </dev/null >&2 || say "apt-get update complained; going on with the lists there are"
  touch "$stamp"
}

has_apt() { have apt-get && have dpkg-query; }

# The version of a crate that Cargo.lock fixes.
locked_version() {
  awk -v name="\"$1\"" '$1 == "name" { found = ($3 == name) }
    found && $1 == "version" { gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

# Which toolchain compiles for the browser: "default" (the one that `cargo` runs, when it has the
# target) or "debian" (Debian's rustc, which brings the sources of std but not the compiled std).
# BLUEPANE_WASM_TOOLCHAIN overrides.
web_toolchain() {
  if [ -n "${BLUEPANE_WASM_TOOLCHAIN:-}" ]; then
    echo "$BLUEPANE_WASM_TOOLCHAIN"
  elif target_installed "$wasm_target"; then
    echo default
  else
    echo debian
  fi
}

target_installed() {
  compgen -G "$(rustc --print sysroot)/lib/rustlib/$1/lib/libcore-*.rlib" >/dev/null
}

# The newest of Debian's wasm linkers that is here.
wasm_linker() {
  local version
  for version in 22 21 20 19; do
    if have "wasm-ld-$version"; then
      echo "wasm-ld-$version"
      return
    fi
  done
  return 1
}

# The ending of the newest clang that has its linker for Windows beside it: -22, or nothing.
windows_clang() {
  local version
  for version in -22 -21 -20 -19 -16 -15 -14 ""; do
    if have "clang$version" && have "lld-link$version"; then
      echo "$version"
      return
    fi
  done
  return 1
}
