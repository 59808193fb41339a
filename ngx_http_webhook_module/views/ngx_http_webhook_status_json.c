
/*
 * The status as JSON.  Only names of the configuration need escaping: all else
 * is numbers and strings of tables.
 */


#include "views/ngx_http_webhook_status_json.h"
#include "status/ngx_http_webhook_status_zone.h"
#include "views/ngx_http_webhook_status_memory.h"


static void ngx_http_webhook_status_json_system(
    ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_system_t *system);
static void ngx_http_webhook_status_json_histogram(
    ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_histogram_t *histogram, ngx_atomic_t *counters);
static void ngx_http_webhook_status_json_items(
    ngx_http_webhook_status_out_t *out, ngx_http_webhook_status_t *status,
    ngx_uint_t kind);
static void ngx_http_webhook_status_json_memory(
    ngx_http_webhook_status_out_t *out);
static void ngx_http_webhook_status_json_refused(
    ngx_http_webhook_status_out_t *out, ngx_http_webhook_status_t *status);
static void ngx_http_webhook_status_json_addr(
    ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_refused_t *refused);
static void ngx_http_webhook_status_json_name(
    ngx_http_webhook_status_out_t *out, ngx_str_t *name);
static void ngx_http_webhook_status_json_string(
    ngx_http_webhook_status_out_t *out, ngx_str_t *text);


/*
 * Prints the status as JSON.  "api" is what the page is told of the location
 * with webhook_api; it may be empty.
 */

void
ngx_http_webhook_status_json(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status, ngx_str_t *api)
{
    ngx_str_t                          version = ngx_string(NGINX_VERSION);
    ngx_uint_t                         i, n;
    ngx_time_t                        *tp;
    ngx_http_webhook_status_system_t  *system;

    tp = ngx_timeofday();

    ngx_http_webhook_status_out_print(out, "{\"time\":%T.%03M,\"since\":%T,"
                                      "\"nginx\":\"%V\",\"zone\":",
                                      tp->sec, tp->msec,
                                      ngx_http_webhook_status_since(status),
                                      &version);
    ngx_http_webhook_status_json_string(out, &status->shm_zone->shm.name);

    ngx_http_webhook_status_out_print(out, ",\"api\":");

    if (api->len) {
        ngx_http_webhook_status_json_string(out, api);

    } else {
        ngx_http_webhook_status_out_print(out, "null");
    }

    ngx_http_webhook_status_out_print(out, ",\"providers\":[");

    system = status->systems.elts;

    for (i = 0, n = 0; i < status->systems.nelts; i++) {

        if (ngx_http_webhook_status_shown(&system[i])) {
            ngx_http_webhook_status_out_print(out, n++ ? ",\n" : "\n");
            ngx_http_webhook_status_json_system(out, &system[i]);
        }
    }

    ngx_http_webhook_status_out_print(out, "]");

    for (i = 0; i < NGX_HTTP_WEBHOOK_STATUS_KINDS; i++) {
        ngx_http_webhook_status_json_items(out, status, i);
    }

    ngx_http_webhook_status_json_memory(out);
    ngx_http_webhook_status_json_refused(out, status);

    ngx_http_webhook_status_out_print(out, "}\n");
}


static void
ngx_http_webhook_status_json_system(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_system_t *system)
{
    ngx_str_t     *name, *reasons;
    ngx_uint_t     event, i, n;
    ngx_atomic_t  *verdicts;

    ngx_http_webhook_status_out_print(out, "{\"provider\":\"%V\",\"events\":[",
                                      &system->provider->name);

    reasons = ngx_http_webhook_status_reasons;

    for (event = 0; event <= system->nevents; event++) {

        verdicts = system->verdicts[event];
        name = ngx_http_webhook_status_event(system, event);

        ngx_http_webhook_status_out_print(out, event ? ",\n " : "\n ");

        ngx_http_webhook_status_out_print(out, "{\"event\":");
        ngx_http_webhook_status_json_name(out, name);
        ngx_http_webhook_status_out_print(out,
                                  ",\"accepted\":%uA,\"refused\":{",
                                  verdicts[ngx_http_webhook_status_accepted]);

        for (i = 0, n = 0; i < NGX_HTTP_WEBHOOK_STATUS_NREASONS; i++) {

            if (verdicts[i]
                && i != ngx_http_webhook_status_accepted
                && i != ngx_http_webhook_status_challenge)
            {
                ngx_http_webhook_status_out_print(out, "%s\"%V\":%uA",
                                                  n++ ? "," : "",
                                                  &reasons[i], verdicts[i]);
            }
        }

        ngx_http_webhook_status_out_print(out, "}}");
    }

    /* challenges have no event */

    verdicts = system->verdicts[system->nevents];

    ngx_http_webhook_status_out_print(out, "],\n \"challenges\":%uA,\n ",
                                  verdicts[ngx_http_webhook_status_challenge]);
    ngx_http_webhook_status_json_histogram(out, &ngx_http_webhook_status_judge,
                                           system->judge);
    ngx_http_webhook_status_out_print(out, "}");
}


/* Prints a histogram, cumulative as in Prometheus; the last bound is null. */

static void
ngx_http_webhook_status_json_histogram(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_histogram_t *histogram, ngx_atomic_t *counters)
{
    uint64_t                           count, sum;
    ngx_uint_t                         i;
    ngx_http_webhook_status_bucket_t  *bucket;

    ngx_http_webhook_status_out_print(out, "\"%V\":{\"buckets\":[",
                                      &histogram->key);
    count = 0;
    bucket = histogram->buckets;

    for (i = 0; i < histogram->nbuckets; i++) {
        count += counters[i];

        if (bucket[i].bound) {
            ngx_http_webhook_status_out_print(out, "[%V,%uL],", &bucket[i].le,
                                              count);
        } else {
            ngx_http_webhook_status_out_print(out, "[null,%uL]]", count);
        }
    }

    sum = counters[i];

    ngx_http_webhook_status_out_print(out, ",\"count\":%uL,\"sum\":%uL.%09uL}",
                                      count, sum / 1000000000,
                                      sum % 1000000000);
}


static void
ngx_http_webhook_status_json_items(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status, ngx_uint_t kind)
{
    uint64_t                           values[NGX_HTTP_WEBHOOK_STATUS_GAUGES];
    ngx_uint_t                         i, n;
    ngx_http_webhook_status_item_t   **item, **last;
    ngx_http_webhook_status_kind_t    *k;

    k = &ngx_http_webhook_status_kinds[kind];

    ngx_http_webhook_status_out_print(out, ",\n\"%V\":[", &k->list);

    item = status->items.elts;
    last = item + status->items.nelts;

    for (n = 0; item < last; item++) {

        if ((*item)->kind != kind) {
            continue;
        }

        ngx_http_webhook_status_gauges(*item, values);

        ngx_http_webhook_status_out_print(out, "%s{\"%V\":", n++ ? ",\n" : "\n",
                                          &k->label);
        ngx_http_webhook_status_json_string(out, &(*item)->name);
        ngx_http_webhook_status_out_print(out, ",\"total\":{");

        for (i = 0; i < k->ncounters; i++) {
            ngx_http_webhook_status_out_print(out, "%s\"%V\":%uA", i ? "," : "",
                                              &k->counters[i].key,
                                              (*item)->counters[i]);
        }

        ngx_http_webhook_status_out_print(out, "},\"now\":{");

        for (i = 0; i < k->ngauges; i++) {

            if (values[i] == NGX_HTTP_WEBHOOK_STATUS_NONE) {
                ngx_http_webhook_status_out_print(out, "%s\"%V\":null",
                                                  i ? "," : "",
                                                  &k->gauges[i].key);
            } else {
                ngx_http_webhook_status_out_print(out, "%s\"%V\":%uL",
                                                  i ? "," : "",
                                                  &k->gauges[i].key, values[i]);
            }
        }

        ngx_http_webhook_status_out_print(out, "}");

        if (k->histogram) {
            ngx_http_webhook_status_out_print(out, ",\n ");
            ngx_http_webhook_status_json_histogram(out, k->histogram,
                                       &(*item)->counters[k->ncounters]);
        }

        ngx_http_webhook_status_out_print(out, "}");
    }

    ngx_http_webhook_status_out_print(out, "]");
}


static void
ngx_http_webhook_status_json_memory(ngx_http_webhook_status_out_t *out)
{
    ngx_uint_t                         i;
    ngx_array_t                        list;
    ngx_http_webhook_status_memory_t  *memory;

    if (ngx_http_webhook_status_memory(out->pool, &list) != NGX_OK) {
        out->failed = 1;
        return;
    }

    ngx_http_webhook_status_out_print(out, ",\n\"memory\":[");

    memory = list.elts;

    for (i = 0; i < list.nelts; i++) {
        ngx_http_webhook_status_out_print(out, "%s{\"zone\":",
                                          i ? ",\n" : "\n");
        ngx_http_webhook_status_json_string(out, &memory[i].name);
        ngx_http_webhook_status_out_print(out,
                                          ",\"bytes\":%uz,\"used_bytes\":%uz}",
                                          memory[i].size, memory[i].used);
    }

    ngx_http_webhook_status_out_print(out, "]");
}


static void
ngx_http_webhook_status_json_refused(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status)
{
    ngx_str_t                           event, field, system;
    ngx_uint_t                          i;
    ngx_array_t                         list;
    ngx_http_webhook_status_refused_t  *refused;

    if (ngx_http_webhook_status_refused(status, out->pool, &list) != NGX_OK) {
        out->failed = 1;
        return;
    }

    ngx_http_webhook_status_out_print(out, ",\n\"refused\":[");

    refused = list.elts;

    for (i = 0; i < list.nelts; i++) {

        ngx_http_webhook_status_names(status, refused[i].counters, &system,
                                      &event);

        ngx_http_webhook_status_out_print(out, "%s{\"time\":%uL.%03uL,"
                                          "\"provider\":\"%V\",\"event\":",
                                          i ? ",\n" : "\n",
                                          refused[i].msec / 1000,
                                          refused[i].msec % 1000,
                                          &system);

        ngx_http_webhook_status_json_name(out, &event);

        ngx_http_webhook_status_out_print(out, ",\"reason\":\"%V\",\"field\":",
                          &ngx_http_webhook_status_reasons[refused[i].reason]);

        field.data = refused[i].field;
        field.len = ngx_strnlen(refused[i].field,
                                NGX_HTTP_WEBHOOK_STATUS_FIELD);

        ngx_http_webhook_status_json_name(out, &field);

        ngx_http_webhook_status_out_print(out, ",\"client\":\"");
        ngx_http_webhook_status_json_addr(out, &refused[i]);
        ngx_http_webhook_status_out_print(out, "\",\"bytes\":%uD}",
                                          refused[i].size);
    }

    ngx_http_webhook_status_out_print(out, "]");
}


static void
ngx_http_webhook_status_json_addr(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_refused_t *refused)
{
    size_t  len;
    u_char  text[NGX_SOCKADDR_STRLEN];

    switch (refused->family) {

    case AF_INET:
        len = ngx_inet_ntop(AF_INET, refused->addr, text, NGX_INET_ADDRSTRLEN);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        len = ngx_inet_ntop(AF_INET6, refused->addr, text,
                            NGX_INET6_ADDRSTRLEN);
        break;
#endif

    default: /* AF_UNIX */
        len = ngx_cpymem(text, "unix:", sizeof("unix:") - 1) - text;
        break;
    }

    ngx_http_webhook_status_out_write(out, text, len);
}


/* Prints a name, or null if it is empty. */

static void
ngx_http_webhook_status_json_name(ngx_http_webhook_status_out_t *out,
    ngx_str_t *name)
{
    if (name->len) {
        ngx_http_webhook_status_json_string(out, name);

    } else {
        ngx_http_webhook_status_out_print(out, "null");
    }
}


static void
ngx_http_webhook_status_json_string(ngx_http_webhook_status_out_t *out,
    ngx_str_t *text)
{
    size_t   len;
    u_char  *p;

    len = 2 + text->len + ngx_escape_json(NULL, text->data, text->len);

    p = ngx_pnalloc(out->pool, len);
    if (p == NULL) {
        out->failed = 1;
        return;
    }

    p[0] = '"';
    p[len - 1] = '"';
    (void) ngx_escape_json(p + 1, text->data, text->len);

    ngx_http_webhook_status_out_write(out, p, len);
}
