# shellcheck shell=bash
# To be sourced, in the project's folder: unpack a program of another Debian suite, with its libraries
# and its C library, into .cache/FOLDER/SERIES. scripts/rabbitmq-root, postgresql-root, python-root,
# nginx-root and webhook-root use it.
#
#   unpack_root NAME FOLDER SERIES SUITE PACKAGE PROGRAM   and print the full path of PROGRAM there
#
# The caller defines
#   is_unpacked PACKAGE         whether to unpack that package, of all that were fetched
#   own_programs                print the folders whose programs start by the folder's own loader
#   know_own_folder             change what else names an installed place; $scratch/root becomes $root
#
# Needs apt and Debian's keyring, but neither root nor a chroot: nothing is installed, no package's
# script runs, nothing is mounted, and nothing outside that folder is written. apt checks the
# suite's signature and each package's sum. Each program of the folder starts by the folder's own
# loader, with the folder's own libraries; what it starts itself (df, ps, sh) is the machine's.
# Messages go to standard error. Exit code 3: it cannot be had on this machine.
source scripts/debian-suite.sh

give_up() {
    echo "No $name $series: $*" >&2
    exit 3
}

# A script in place of each program, which starts it by the loader of this folder.
start_by_own_loader() {
    local loader triplet program
    loader=$(cd "$scratch/root" && find * -type f -path '*-linux-gnu*/ld-linux*.so.*')
    triplet=$(basename "$(dirname "$loader")")
    while read -r program; do
        case $(head -c 4 "$scratch/root/$program" | tr -d '\0') in
            $'\x7fELF') ;;
            *) continue ;;
        esac
        mv "$scratch/root/$program" "$scratch/root/$program.elf"
        printf '#!/bin/sh\nexec %q --library-path %q --argv0 "$0" %q "$@"\n' \
            "$root/$loader" "$root/usr/lib/$triplet:$root/lib/$triplet" "$root/$program.elf" >"$scratch/root/$program"
        chmod 755 "$scratch/root/$program"
    done < <(cd "$scratch/root" && find $(own_programs) -type f -perm /111 ! -name '*.so' ! -name '*.elf')
}

unpack_root() {
    local suite=$4 package=$5 program=$6 cache=$PWD/.cache/$2 version file
    name=$1 series=$3 root=$cache/$series
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9 # one at a time
    # The programs know their folder by its full path: a moved checkout unpacks again.
    if [ "$(cat "$root/complete" 2>/dev/null)" = "$root" ]; then
        echo "$root/$program"
        return
    fi

    has_apt || give_up "this is no Debian, or it lacks apt or $keyring."
    debian_mirror >/dev/null || give_up "apt knows no mirror of Debian; run apt-get update first."

    scratch=$(mktemp -d "$cache/unpacking.XXXXXX")
    trap 'rm -rf --one-file-system "$scratch"' EXIT
    mkdir "$scratch/root"
    use_suite "$suite" "$scratch"

    printf '%s ... ' "Unpacking $name $series of Debian $suite into .cache/$2/$series" >&2
    # With all its libraries: to this apt nothing is installed.
    if ! { suite_apt update && suite_apt install --download-only --yes --no-install-recommends "$package"; }; then
        echo "failed after $SECONDS s" >&2
        tail -n 5 "$scratch/log" >&2
        give_up "its packages could not be fetched."
    fi
    version=$(cd "$scratch/cache/archives" && ls "${package}"_*.deb | cut -d _ -f 2)
    case $version in
        "$series".*) ;;
        *)
            echo "failed after $SECONDS s" >&2
            give_up "Debian $suite has $version now."
            ;;
    esac
    for file in "$scratch"/cache/archives/*.deb; do
        is_unpacked "${file##*/}" || continue
        dpkg-deb --extract "$file" "$scratch/root"
        basename "$file" >>"$scratch/root/packages"
    done
    start_by_own_loader
    know_own_folder
    echo "$root" >"$scratch/root/complete"
    rm -rf --one-file-system "$root"
    mv "$scratch/root" "$root"
    echo "$version, $SECONDS s" >&2
    echo "$root/$program"
}
