# Reads exempt.txt, then what llvm-cov exports as lcov; prints a line per file
# and the lines that were missed. Fails when a file is below `least` percent, or one is missing.
FNR == NR {
    if ($0 == "" || $0 ~ /^#/)
        next
    if (split($0, of_line, " [|] ") == 2)
        texts[of_line[1], of_line[2]] = 1
    else
        exempt[++patterns] = $0
    next
}
/^SF:/ {
    file = substr($0, 4)
    sub(".*/lib/", "", file)
    delete begins
    delete count
    functions = 0
}
# A function goes to where the next one begins.
/^FN:/ {
    line = substr($0, 4) + 0
    name = substr($0, index($0, ",") + 1)
    out = 0
    for (i = 1; i <= patterns; ++i)
        if (name ~ exempt[i]) {
            out = 1
            used[i] = 1
        }
    begins[line] = out
}
/^DA:/ {
    split(substr($0, 4), da, ",")
    count[da[1] + 0] = da[2] + 0
    if (da[1] + 0 > last)
        last = da[1] + 0
}
/^end_of_record/ {
    all = reached = left_out = out = 0
    missed = ""
    for (line = 1; line <= last; ++line) {
        getline text < (lib file)
        sub(/^ +/, "", text)
        if (line in begins)
            out = begins[line]
        if (!(line in count))
            continue
        if (out) {
            ++left_out
            continue
        }
        if (count[line] == 0 && (file, text) in texts) {
            ++left_out
            continue
        }
        ++all
        if (count[line] > 0)
            ++reached
        else
            missed = missed " " line
    }
    last = 0
    percent = all ? 100 * reached / all : 100
    printf "%-32s %4d of %4d lines %6.1f %%  (%d exempt)%s\n", file, reached, all, percent,
        left_out, missed == "" ? "" : "  not:" missed
    ++seen
    if (percent < least)
        ++low
}
END {
    for (i = 1; i <= patterns; ++i)
        if (!(i in used)) {
            printf "exempt.txt names nothing by: %s\n", exempt[i]
            ++low
        }
    if (seen != wanted) {
        printf "%d files, not %d\n", seen, wanted
        ++low
    }
    exit low ? 1 : 0
}
