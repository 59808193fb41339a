// simdjson for json.c: its DOM parser, made once and used again.

#include <simdjson.h>

#include <cstdint>

extern "C" {

uintptr_t bench_simdjson(unsigned char *text, size_t len);
const char *bench_simdjson_name(void);


uintptr_t
bench_simdjson(unsigned char *text, size_t len)
{
    static simdjson::dom::parser  parser;

    simdjson::dom::element  document;

    return parser.parse(reinterpret_cast<const uint8_t *>(text), len, false)
               .get(document) == simdjson::SUCCESS;
}


const char *
bench_simdjson_name(void)
{
    static std::string  name;

    name = "simdjson (" + simdjson::get_active_implementation()->name() + ")";

    return name.c_str();
}

}
