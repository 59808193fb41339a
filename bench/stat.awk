# Prints the statistics of measurements as a table.
#
#     awk -v form=FORM -v head=HEAD -v columns=COLUMNS -f bench/stat.awk [FILE]
#
# Each line of the input is what one round has measured of one row:
#
#     LABEL|NAME=NUMBER|NAME=NUMBER...
#
# Rows are printed in the order in which they first appear.  A label can have
# several parts with tabs between them; a part is left blank where the row above
# has the same one.
#
# form      how a line looks, with a conversion of printf for strings ("%-20s")
#           for each part of the label and then for each column
# head      the headings of the labels and columns, separated by ";"; without
#           it, no headings are printed
# columns   what to print after the label, separated by ";", each as
#           "NAME WHAT FORMAT":
#
#               lowest, median, highest, pNN   a quantile
#               quartiles                      the first and the third
#               count                          how many numbers there are
#               ratio                          to the first row in the same
#                                              round: median and quartiles

BEGIN {
    FS = "|"
    quantile["lowest"] = 0
    quantile["median"] = 0.5
    quantile["highest"] = 1
}

{
    if (!($1 in seen)) {
        seen[$1]
        label[++rows] = $1
    }

    for (i = 2; i <= NF; i++) {
        at = index($i, "=")
        name = substr($i, 1, at - 1)
        value[$1, name, ++n[$1, name]] = substr($i, at + 1)
    }
}

END {
    columns_n = split(columns, column, /; */)

    if (head != "") {
        split(head, cells, ";")
        print line()
    }

    for (row = 1; row <= rows; row++) {
        used = labels(label[row])

        for (i = 1; i <= columns_n; i++) {
            split(column[i], word, " ")
            cells[used + i] = cell(label[row], word[1], word[2], word[3])
        }

        print line()
    }
}


# Puts the parts of a label into the first cells, and returns how many they are.
function labels(text,    i, count, part) {
    count = split(text, part, "\t")

    for (i = 1; i <= count; i++) {
        cells[i] = count > 1 && part[i] == above[i] ? "" : part[i]
        above[i] = part[i]
    }

    return count
}


function cell(row, name, what, format) {
    if (what == "count")
        return sprintf(format, n[row, name])

    if (what == "ratio") {
        if (row == label[1])
            return "1"

        sort_numbers(row, name, label[1])
        return sprintf(format " (" format "-" format ")", at_quantile(0.5),
                       at_quantile(0.25), at_quantile(0.75))
    }

    sort_numbers(row, name)

    if (what == "quartiles")
        return sprintf(format "-" format, at_quantile(0.25), at_quantile(0.75))

    if (what ~ /^p[0-9]+$/)
        return sprintf(format, at_quantile(substr(what, 2) / 100))

    return sprintf(format, at_quantile(quantile[what]))
}


# Sets sorted[] to the numbers of a row, divided by those of another row of the
# same rounds if there is one.
function sort_numbers(row, name, other,    i, j, gap, t) {
    sorted_n = n[row, name]

    for (i = 1; i <= sorted_n; i++) {
        sorted[i] = value[row, name, i] + 0
        if (other != "")
            sorted[i] /= value[other, name, i]
    }

    for (gap = int(sorted_n / 2); gap; gap = int(gap / 2))
        for (i = gap + 1; i <= sorted_n; i++)
            for (j = i; j > gap && sorted[j] < sorted[j - gap]; j -= gap) {
                t = sorted[j]
                sorted[j] = sorted[j - gap]
                sorted[j - gap] = t
            }
}


# The q-th quantile of sorted[], between two of them where it lies there.
function at_quantile(q,    place, low) {
    place = 1 + (sorted_n - 1) * q
    low = int(place)

    if (low >= sorted_n)
        return sorted[sorted_n]

    return sorted[low] + (place - low) * (sorted[low + 1] - sorted[low])
}


# The form with the cells put in.
function line(    rest, out, i) {
    rest = form
    out = ""

    for (i = 1; match(rest, /%-?[0-9]*s/); i++) {
        out = out substr(rest, 1, RSTART - 1) \
              sprintf(substr(rest, RSTART, RLENGTH), cells[i])
        rest = substr(rest, RSTART + RLENGTH)
    }

    out = out rest
    sub(/ +$/, "", out)
    return out
}
