#!/bin/sh
# The page tests drive Chromium. Install it, and fonts for Chinese, where that can be done without asking.
# The headless shell of the same version draws the same pages for two thirds of the processor time.
set -eu

has_shell() { command -v chromium-headless-shell >/dev/null 2>&1; }
has_browser() { has_shell || command -v chromium >/dev/null 2>&1; }
has_fonts() { fc-list 2>/dev/null | grep -qi 'noto.*cjk'; }
# Where no package can be had, that shows soon.
apt() { apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 "$@" >/dev/null; }
install() { apt install -y --no-install-recommends "$@" fontconfig fonts-noto-cjk; }

if has_shell && has_fonts; then
    exit 0
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium-headless-shell and fonts-noto-cjk …"
    export DEBIAN_FRONTEND=noninteractive
    # Older Debian has no headless shell; a Chromium that is there already does as well.
    { apt update && { install chromium-headless-shell || has_browser && has_fonts || install chromium; }; } || true
fi
if ! has_browser || ! has_fonts; then
    echo "Chromium or fonts-noto-cjk is missing: the page tests will say so. Install both to run them." >&2
fi
