# web_cargo: cargo for the browser's target with whichever toolchain can. Sourced after lib.sh.

web_target_dir=$root/target/web-$(web_toolchain)

# Paths of the building machine do not belong in the published file, nor may they change it.
web_rustflags() {
  local cargo_home=${CARGO_HOME:-$HOME/.cargo}
  echo "--remap-path-prefix=$root=/bluepane --remap-path-prefix=$cargo_home=/cargo"
}

web_cargo() {
  local command=$1
  shift
  export CARGO_TARGET_DIR=$web_target_dir
  if [ "$(web_toolchain)" = debian ]; then
    # Debian's compiler has the sources of std; building them is an unstable option of cargo.
    RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc \
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(wasm_linker) \
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$(web_rustflags)" \
      /usr/bin/cargo "$command" "$@" "-Zbuild-std=${build_std:-std,panic_abort}" -Zbuild-std-features=optimize_for_size </dev/null
  else
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$(web_rustflags)" cargo "$command" "$@" </dev/null
  fi
}
