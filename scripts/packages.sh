# Sourced by ./run and ./test: installs the Debian packages a step needs, and only those missing.

# need_packages NAME...: returns when every package is installed, or explains what to do.
need_packages() {
    command -v dpkg-query >/dev/null 2>&1 || return 0 # not Debian: the build says what it lacks
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    [ "${#missing[@]}" -eq 0 ] && return 0

    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "These packages are needed and only root can install them: ${missing[*]}" >&2
            echo "Run as root: apt-get install ${missing[*]}" >&2
            exit 4
        fi
        as_root=(sudo)
    fi
    echo "Installing ${missing[*]}" >&2
    # An old package list is the usual reason for a failure, so refresh it and try again.
    install_packages() {
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-install-recommends "${missing[@]}" >&2
    }
    install_packages || { "${as_root[@]}" apt-get update >&2 && install_packages; }
}

# need_rust: returns when cargo is there, or explains what to do.
need_rust() {
    command -v cargo >/dev/null 2>&1 && return 0
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH="$HOME/.cargo/bin:$PATH"
        return 0
    fi
    echo "Rust is needed and not found. Install it from https://rustup.rs and run this again." >&2
    exit 4
}
