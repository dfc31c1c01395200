#!/bin/sh
# The page tests drive Chromium. Install it, and fonts for Chinese, where that can be done without asking.
# The headless shell of the same version draws the same pages for two thirds of the processor time.
set -eu

has_fonts() { fc-list 2>/dev/null | grep -qi 'noto.*cjk'; }
has_browser() { command -v chromium-headless-shell >/dev/null 2>&1 || command -v chromium >/dev/null 2>&1; }

if command -v chromium-headless-shell >/dev/null 2>&1 && has_fonts; then
    exit 0
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing chromium-headless-shell and fonts-noto-cjk …"
    export DEBIAN_FRONTEND=noninteractive
    install() { apt-get install -y -qq --no-install-recommends "$@" fontconfig fonts-noto-cjk >/dev/null; }
    # Older Debian has no such package; what is there already may do where packages cannot be had.
    { apt-get update -qq && { install chromium-headless-shell || install chromium; }; } || true
fi
if ! has_browser || ! has_fonts; then
    echo "Chromium or fonts-noto-cjk is missing: the page tests will say so. Install both to run them." >&2
fi
