# shellcheck shell=bash disable=SC2034
# lib.sh: what the scripts share: progress lines, root rights, and Debian packages on demand.
# Sourced by bash after `set -euo pipefail`; needs nothing that a minimal Debian 12 lacks.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
    BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    BOLD='' RED='' GREEN='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
step() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }
warn() { printf '%s%s%s\n' "$RED" "$*" "$PLAIN" >&2; }
die() { warn "$*"; exit 1; }

# Runs a command as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "this needs root, and sudo is not installed: run as root: $*"
    fi
}

# The packages of "$@" that are not installed, one per line.
missing() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq \
        install -y --no-install-recommends "$@" </dev/null
}

# need PACKAGE...: installs what is missing, without starting any service that comes with it. The
# package index is fetched when there is none, and once more when it proves too old.
need() {
    local wanted package guard='' log
    mapfile -t wanted < <(missing "$@")
    [ "${#wanted[@]}" -gt 0 ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        die "this is not Debian: install these by hand: ${wanted[*]}"
    for package in "${wanted[@]}"; do
        say "installing $package ..."
    done
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        guard=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
        as_root chmod 755 "$guard"
    fi
    log=$(mktemp)
    if ! compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null ||
        ! apt_install "${wanted[@]}" >"$log" 2>&1; then
        say "fetching the package index ..."
        as_root apt-get -o DPkg::Lock::Timeout=300 -qq update >>"$log" 2>&1 || true
        apt_install "${wanted[@]}" >>"$log" 2>&1 || true
    fi
    [ -z "$guard" ] || as_root rm -f "$guard"
    mapfile -t wanted < <(missing "${wanted[@]}")
    if [ "${#wanted[@]}" -gt 0 ]; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "these packages could not be installed: ${wanted[*]}"
    fi
    rm -f "$log"
}

# What the two programs are built from, and what the tests use besides.
BUILD_PACKAGES=(gcc libc6-dev meson ninja-build pkg-config python3 protobuf-c-compiler
    libprotobuf-c-dev libuv1-dev libssl-dev libsodium-dev libsqlite3-dev libjansson-dev
    libcsv-dev libinih-dev libedit-dev libcmocka-dev zlib1g-dev gettext
    libpq-dev libmariadb-dev libldap-dev libmicrohttpd-dev libknot-dev)
TEST_PACKAGES=(git clang-14 libclang-rt-14-dev llvm-14 binutils universal-ctags procps iproute2
    nftables openssl curl scdoc mandoc libsofia-sip-ua-dev sip-tester kamailio
    kamailio-utils-modules kamailio-sqlite-modules kamailio-postgres-modules
    kamailio-mysql-modules postgresql mariadb-server slapd ldap-utils systemd shellcheck spin
    bind9-dnsutils dnsmasq-base prometheus baresip-core chromium fonts-ipafont-gothic)
# What script/prove needs besides for databases that fail over.
FAILOVER_PACKAGES=(iproute2 nftables curl postgresql patroni etcd-server python3-etcd)
# What builds the page, and drives its tests; from wherever it came.
command -v npm >/dev/null 2>&1 || TEST_PACKAGES+=(nodejs npm)

# configure DIR MESON-OPTION...: a build directory, made or brought up to date; made anew when its
# remembered settings no longer fit. CC is the caller's.
configure() {
    local dir=$1 again=()
    shift
    [ ! -f "$dir/build.ninja" ] || again=(--reconfigure)
    meson setup "${again[@]}" "$dir" "$ROOT" "$@" && return 0
    [ -d "$dir" ] || return 1
    meson setup --wipe "$dir" "$ROOT" "$@"
}
