# Whether a text is Prometheus's text format 0.0.4 as promtool would have it: prints what is wrong with which line, and exits with 1.
# https://prometheus.io/docs/instrumenting/exposition_formats/
function wrong(what) { print NR ": " what ": " $0; bad = 1 }
# The labels between { and }, taken apart one by one; "" when they are well-formed.
function rest_of_labels(text) {
    while (match(text, /^[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\\\|\\"|\\n)*"/)) {
        text = substr(text, RLENGTH + 1)
        if (text == "")
            return ""
        if (substr(text, 1, 1) != ",")
            return text
        text = substr(text, 2)
    }
    return text
}
/^# HELP / {
    if ($3 !~ /^[a-zA-Z_:][a-zA-Z0-9_:]*$/ || NF < 4) wrong("no name or no help")
    if ($3 in helped) wrong("second HELP")
    if ($3 in sampled) wrong("HELP behind samples")
    helped[$3] = 1
    next
}
/^# TYPE / {
    if ($4 !~ /^(counter|gauge|histogram|summary|untyped)$/ || NF != 4) wrong("unknown type")
    if ($3 in typed) wrong("second TYPE")
    if ($3 in sampled) wrong("TYPE behind samples")
    if (!($3 in helped)) wrong("no HELP before")
    if ($4 == "counter" && $3 !~ /_total$/) wrong("a counter whose name does not end in _total")
    if ($4 != "counter" && $3 ~ /_total$/) wrong("_total, and no counter")
    typed[$3] = $4
    next
}
/^#/ || /^$/ { next }
{
    if (!match($0, /^[a-zA-Z_:][a-zA-Z0-9_:]*/)) { wrong("no name"); next }
    name = substr($0, 1, RLENGTH)
    rest = substr($0, RLENGTH + 1)
    labels = ""
    if (substr(rest, 1, 1) == "{") {
        end = 0
        for (i = 2; i <= length(rest); i++) { # the first } outside of quotes
            c = substr(rest, i, 1)
            if (c == "\\" && quoted) i++
            else if (c == "\"") quoted = !quoted
            else if (c == "}" && !quoted) { end = i; break }
        }
        quoted = 0
        labels = substr(rest, 2, end - 2)
        rest = substr(rest, end + 1)
        if (!end || rest_of_labels(labels) != "") wrong("labels")
    }
    if (rest !~ /^ (NaN|[+-]Inf|[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?)( -?[0-9]+)?$/) wrong("no value")
    if (!(name in typed)) wrong("no TYPE")
    if (name SUBSEP labels in seen) wrong("twice")
    if (name in sampled && name != last) wrong("not beside the others of its name")
    seen[name, labels] = sampled[name] = 1
    last = name
}
END { exit bad || !NR }
