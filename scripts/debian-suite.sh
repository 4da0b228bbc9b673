# shellcheck shell=bash
# To be sourced: fetch packages of another Debian suite than the machine's.
#
#   has_apt            whether this is a Debian with apt and its keyring
#   debian_mirror      the mirror that apt uses; fails where it knows none
#   use_suite SUITE FOLDER    prepare FOLDER; then
#   suite_apt ARGUMENT...     is apt-get for that suite, as if nothing were installed
#
# apt checks the suite's signature and each package's sum. Nothing is installed, and nothing outside
# FOLDER is written; its words are in FOLDER/log, and what install --download-only fetches in
# FOLDER/cache/archives.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

has_apt() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [ -r $keyring ]
}

debian_mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' |
        head -n 1 | grep .
}

use_suite() {
    suite_folder=$2
    mkdir -p "$suite_folder"/{lists,cache/archives}/partial
    : >"$suite_folder/status"
    echo "deb [signed-by=$keyring] $(debian_mirror) $1 main" >"$suite_folder/sources.list"
}

suite_apt() {
    timeout 300 apt-get --quiet --quiet \
        --option Dir::Etc::SourceList="$suite_folder/sources.list" --option Dir::Etc::SourceParts=/dev/null \
        --option Dir::State::Lists="$suite_folder/lists" --option Dir::State::Status="$suite_folder/status" \
        --option Dir::Cache="$suite_folder/cache" --option APT::Sandbox::User=root \
        --option Acquire::Languages=none --option Acquire::Retries=3 "$@" >>"$suite_folder/log" 2>&1
}
