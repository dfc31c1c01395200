#!/bin/sh
# The page tests drive Debian's Chromium. Install it, and fonts for Chinese, where that can be done without asking.
set -eu

if command -v chromium >/dev/null 2>&1 && fc-list 2>/dev/null | grep -qi 'noto.*cjk'; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Chromium or fonts-noto-cjk is missing: the page tests will say so. Install both to run them." >&2
    exit 0
fi
echo "Installing chromium and fonts-noto-cjk …"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fontconfig fonts-noto-cjk >/dev/null
