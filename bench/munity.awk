# Prints an integration_updated_data_model event of exactly "size" bytes:
# records as an integration sends them, and at the end a text that fills up.

function random(n) {
    return int(rand() * n)
}

function hex(n,   s) {
    s = ""
    while (n-- > 0)
        s = s sprintf("%x", random(16))
    return s
}

function uuid() {
    return hex(8) "-" hex(4) "-4" hex(3) "-a" hex(3) "-" hex(12)
}

function word() {
    return words[1 + random(count)]
}

function record() {
    return sprintf("{\"id\":\"%s\",\"name\":\"%s %s\",\"email\":" \
                   "\"%s.%s@example.com\",\"active\":%s,\"amount\":%d.%02d," \
                   "\"orders\":%d,\"parent\":null,\"tags\":[\"%s\",\"%s\"]," \
                   "\"address\":{\"street\":\"%s %d\",\"city\":\"%s\"," \
                   "\"lat\":%.6f,\"lon\":%.6f},\"note\":\"%s %s \\\"%s\\\" " \
                   "%s\\n%s %s\",\"updated_at\":\"2024-0%d-1%dT0%d:3%d:00Z\"}",
                   uuid(), word(), word(), word(), word(),
                   random(2) ? "true" : "false", random(10000), random(100),
                   random(500), word(), word(), word(), random(200), word(),
                   rand() * 90, rand() * 180, word(), word(), word(), word(),
                   word(), word(), 1 + random(9), random(10), random(10),
                   random(10))
}

BEGIN {
    srand(1)
    count = split("alpha river stone Zürich market invoice quarterly north " \
                  "contract shipping ledger München copper delta harbour " \
                  "signal Málaga garden orbit paper", words, " ")

    out = "{\"workspace_id\":\"" uuid() "\",\"customer_id\":\"customer-42\"," \
          "\"event\":\"integration_updated_data_model\",\"state\":null," \
          "\"payload\":{\"id\":\"" uuid() "\",\"resource_id\":8841," \
          "\"type\":\"contact\",\"diff\":{\"name\":[\"old\",\"new\"]}," \
          "\"data\":{\"records\":["
    end = "],\"rest\":\"\"}}}"

    # Bytes are meant, whatever awk takes a character to be: LC_ALL is C.

    first = 1
    while (1) {
        next_one = (first ? "" : ",") record()
        if (length(out) + length(next_one) + length(end) > size)
            break
        out = out next_one
        first = 0
    }

    rest = size - length(out) - length(end)
    fill = ""
    while (length(fill) < rest)
        fill = fill "x"

    printf "%s],\"rest\":\"%s\"}}}", out, fill
}
