# For tests in a real browser (tests/lib.sh: needs browser): Debian's chromium without a window, asked over its pipe for debuggers (JSON
# with a zero byte behind it, descriptors 3 and 4 of its own).
# shellcheck shell=bash disable=SC2034
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo "there is no chromium"; exit 77; }
browser_number=0 browser_session=''

# open_browser WIDTH HEIGHT: $browser
open_browser() {
    local options=(--headless=new --remote-debugging-pipe --no-first-run --disable-gpu --disable-dev-shm-usage --disable-extensions
        --disable-background-networking --hide-scrollbars "--user-data-dir=$scratch/browser" "--window-size=$1,$2")
    [ "$(id -u)" != 0 ] || options+=(--no-sandbox)
    mkfifo to.browser from.browser
    HOME=$scratch "$chromium" "${options[@]}" about:blank 3<to.browser 4>from.browser >browser.log 2>&1 </dev/null &
    browser=$!
    exec 13>to.browser 14<from.browser
    local target
    for ((i = 0; i < 100; i++)); do
        target=$(ask_browser Target.getTargets '{}' | sed -n 's/.*"targetId":"\([^"]*\)","type":"page".*/\1/p')
        [ -z "$target" ] || break
        sleep 0.1
    done
    browser_number=$((browser_number + 100))
    browser_session=$(ask_browser Target.attachToTarget "{\"targetId\":\"$target\",\"flatten\":true}" | sed -n 's/.*"sessionId":"\([^"]*\)".*/\1/p')
    browser_number=$((browser_number + 1))
    [ -n "$browser_session" ]
}
close_browser() {
    [ -n "${browser:-}" ] || return 0
    exec 13>&- 14<&-
    kill "$browser" 2>/dev/null
    wait "$browser" 2>/dev/null
    browser=''
}
# ask_browser METHOD JSON: the answer, one line; what else it says is dropped
ask_browser() {
    local line number=$((++browser_number * 1000 + RANDOM % 1000))
    printf '{"id":%d,%s"method":"%s","params":%s}\0' "$number" "${browser_session:+\"sessionId\":\"$browser_session\",}" "$1" "$2" >&13
    while IFS= read -r -d '' -t "${BROWSER_SECONDS:-30}" line <&14; do
        case $line in "{\"id\":$number,"*) printf '%s\n' "$line"; return ;; esac
    done
    return 1
}
# of_page EXPRESSION: what a JavaScript expression (with ' for quotes) gives, as text
of_page() {
    ask_browser Runtime.evaluate "{\"expression\":\"Promise.resolve($1).then(String)\",\"returnByValue\":true,\"awaitPromise\":true}" |
        sed -n 's/.*"result":{"type":"string","value":"\(.*\)"}}.*/\1/p'
}
# page_says EXPRESSION: whether it becomes true
page_says() { [ "$(of_page "Boolean($1)")" = true ]; }
visit() { ask_browser Page.navigate "{\"url\":\"$1\"}" >/dev/null; }
size_page() { # WIDTH HEIGHT
    local mobile=false
    [ "$1" -ge 640 ] || mobile=true
    ask_browser Emulation.setDeviceMetricsOverride "{\"width\":$1,\"height\":$2,\"deviceScaleFactor\":1,\"mobile\":$mobile}" >/dev/null
}
scheme() { ask_browser Emulation.setEmulatedMedia "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"$1\"}]}" >/dev/null; }
# press KEY [CODE]: as at a keyboard
press() {
    local code="\"key\":\"$1\",\"code\":\"$1\",\"windowsVirtualKeyCode\":${2:-0}"
    [ "$1" != Enter ] || code+=',"text":"\r"'
    ask_browser Input.dispatchKeyEvent "{\"type\":\"keyDown\",$code}" >/dev/null
    ask_browser Input.dispatchKeyEvent "{\"type\":\"keyUp\",$code}" >/dev/null
}
# picture FILE: the whole page as PNG
picture() {
    ask_browser Page.captureScreenshot '{"format":"png","captureBeyondViewport":true}' | sed -n 's/.*"data":"\([^"]*\)".*/\1/p' | base64 -d >"$1"
}
