
/*
 * The status in Prometheus' text format, version 0.0.4.  All samples of a
 * metric stand together.
 */


#include "views/ngx_http_webhook_status_prometheus.h"
#include "status/ngx_http_webhook_status_zone.h"
#include "views/ngx_http_webhook_status_memory.h"


static void ngx_http_webhook_status_prometheus_verdicts(
    ngx_http_webhook_status_out_t *out, ngx_http_webhook_status_t *status);
static void ngx_http_webhook_status_prometheus_challenges(
    ngx_http_webhook_status_out_t *out, ngx_http_webhook_status_t *status);
static void ngx_http_webhook_status_prometheus_event(
    ngx_http_webhook_status_out_t *out, ngx_str_t *metric, ngx_str_t *provider,
    ngx_str_t *event);
static void ngx_http_webhook_status_prometheus_kind(
    ngx_http_webhook_status_out_t *out, ngx_http_webhook_status_t *status,
    ngx_uint_t kind);
static void ngx_http_webhook_status_prometheus_memory(
    ngx_http_webhook_status_out_t *out);
static void ngx_http_webhook_status_prometheus_head(
    ngx_http_webhook_status_out_t *out, ngx_str_t *metric, ngx_str_t *help,
    const char *type);
static void ngx_http_webhook_status_prometheus_histogram(
    ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_histogram_t *histogram, ngx_atomic_t *counters,
    ngx_str_t *label, ngx_str_t *value);
static void ngx_http_webhook_status_prometheus_label(
    ngx_http_webhook_status_out_t *out, ngx_str_t *text);


static ngx_str_t  ngx_http_webhook_status_provider_label =
    ngx_string("provider");


/* Prints the status for Prometheus, which does not want to know of "api". */

void
ngx_http_webhook_status_prometheus(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status, ngx_str_t *api)
{
    ngx_uint_t                            i;
    ngx_http_webhook_status_system_t     *system;
    ngx_http_webhook_status_histogram_t  *judge;

    ngx_http_webhook_status_prometheus_verdicts(out, status);
    ngx_http_webhook_status_prometheus_challenges(out, status);

    judge = &ngx_http_webhook_status_judge;

    ngx_http_webhook_status_prometheus_head(out, &judge->metric, &judge->help,
                                            "histogram");
    system = status->systems.elts;

    for (i = 0; i < status->systems.nelts; i++) {

        if (ngx_http_webhook_status_shown(&system[i])) {
            ngx_http_webhook_status_prometheus_histogram(out, judge,
                                       system[i].judge,
                                       &ngx_http_webhook_status_provider_label,
                                       &system[i].provider->name);
        }
    }

    for (i = 0; i < NGX_HTTP_WEBHOOK_STATUS_KINDS; i++) {
        ngx_http_webhook_status_prometheus_kind(out, status, i);
    }

    ngx_http_webhook_status_prometheus_memory(out);
}


static void
ngx_http_webhook_status_prometheus_verdicts(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status)
{
    ngx_str_t                         *name, *reasons;
    ngx_uint_t                         event, i, n, refused;
    ngx_atomic_t                      *verdicts;
    ngx_http_webhook_status_system_t  *system;

    static ngx_str_t  accepted_total =
        ngx_string("nginx_webhook_accepted_total");
    static ngx_str_t  accepted_help =
        ngx_string("Requests that were judged and let through.");
    static ngx_str_t  refused_total =
        ngx_string("nginx_webhook_refused_total");
    static ngx_str_t  refused_help =
        ngx_string("Requests that were refused, by reason.");

    reasons = ngx_http_webhook_status_reasons;
    system = status->systems.elts;

    for (refused = 0; refused < 2; refused++) {

        ngx_http_webhook_status_prometheus_head(out,
                                    refused ? &refused_total : &accepted_total,
                                    refused ? &refused_help : &accepted_help,
                                    "counter");

        for (n = 0; n < status->systems.nelts; n++) {

            if (!ngx_http_webhook_status_shown(&system[n])) {
                continue;
            }

            for (event = 0; event <= system[n].nevents; event++) {

                verdicts = system[n].verdicts[event];
                name = ngx_http_webhook_status_event(&system[n], event);

                for (i = 0; i < NGX_HTTP_WEBHOOK_STATUS_NREASONS; i++) {

                    if (i == ngx_http_webhook_status_accepted) {

                        if (!refused) {
                            ngx_http_webhook_status_prometheus_event(out,
                                        &accepted_total,
                                        &system[n].provider->name, name);
                            ngx_http_webhook_status_out_print(out,
                                        "\"} %uA\n", verdicts[i]);
                        }

                        continue;
                    }

                    if (i != ngx_http_webhook_status_challenge
                        && refused && verdicts[i])
                    {
                        ngx_http_webhook_status_prometheus_event(out,
                                        &refused_total,
                                        &system[n].provider->name, name);
                        ngx_http_webhook_status_out_print(out,
                                        "\",reason=\"%V\"} %uA\n",
                                        &reasons[i], verdicts[i]);
                    }
                }
            }
        }
    }
}


/* Challenges have no event: they are counted behind a system's last one. */

static void
ngx_http_webhook_status_prometheus_challenges(
    ngx_http_webhook_status_out_t *out, ngx_http_webhook_status_t *status)
{
    ngx_uint_t                         i;
    ngx_atomic_t                      *verdicts;
    ngx_http_webhook_status_system_t  *system;

    static ngx_str_t  metric = ngx_string("nginx_webhook_challenges_total");
    static ngx_str_t  help =
        ngx_string("Challenges of senders that were answered.");

    ngx_http_webhook_status_prometheus_head(out, &metric, &help, "counter");

    system = status->systems.elts;

    for (i = 0; i < status->systems.nelts; i++) {

        if (!ngx_http_webhook_status_shown(&system[i])) {
            continue;
        }

        verdicts = system[i].verdicts[system[i].nevents];

        ngx_http_webhook_status_out_print(out, "%V{provider=\"%V\"} %uA\n",
                                  &metric, &system[i].provider->name,
                                  verdicts[ngx_http_webhook_status_challenge]);
    }
}


/* Prints the name of a sample and its first labels, to the event's name. */

static void
ngx_http_webhook_status_prometheus_event(ngx_http_webhook_status_out_t *out,
    ngx_str_t *metric, ngx_str_t *provider, ngx_str_t *event)
{
    ngx_http_webhook_status_out_print(out, "%V{provider=\"%V\",event=\"",
                                      metric, provider);
    ngx_http_webhook_status_prometheus_label(out, event);
}


/* Prints one metric after another, of all items of a kind. */

static void
ngx_http_webhook_status_prometheus_kind(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_t *status, ngx_uint_t kind)
{
    uint64_t                             value;
    uint64_t                           (*values)
                                           [NGX_HTTP_WEBHOOK_STATUS_GAUGES];
    ngx_uint_t                           i, n, nitems, nmetrics;
    ngx_http_webhook_status_item_t     **item, **all;
    ngx_http_webhook_status_kind_t      *k;
    ngx_http_webhook_status_metric_t    *metric;
    ngx_http_webhook_status_histogram_t *histogram;

    k = &ngx_http_webhook_status_kinds[kind];

    all = status->items.elts;

    item = ngx_palloc(out->pool, (status->items.nelts + 1)
                             * sizeof(ngx_http_webhook_status_item_t *));
    values = ngx_palloc(out->pool, (status->items.nelts + 1) * sizeof(*values));

    if (item == NULL || values == NULL) {
        out->failed = 1;
        return;
    }

    for (i = 0, nitems = 0; i < status->items.nelts; i++) {

        if (all[i]->kind == kind) {
            ngx_http_webhook_status_gauges(all[i], values[nitems]);
            item[nitems++] = all[i];
        }
    }

    if (nitems == 0) {
        return;
    }

    nmetrics = k->ncounters + k->ngauges;

    for (n = 0; n < nmetrics; n++) {

        metric = (n < k->ncounters) ? &k->counters[n]
                                    : &k->gauges[n - k->ncounters];

        /* what has no help is one more sample of the metric before */

        if (metric->help.len) {
            ngx_http_webhook_status_prometheus_head(out, &metric->metric,
                                                    &metric->help,
                                                    (n < k->ncounters)
                                                    ? "counter" : "gauge");
        }

        for (i = 0; i < nitems; i++) {

            value = (n < k->ncounters) ? item[i]->counters[n]
                                       : values[i][n - k->ncounters];

            if (n >= k->ncounters && value == NGX_HTTP_WEBHOOK_STATUS_NONE) {
                continue;
            }

            ngx_http_webhook_status_out_print(out, "%V{%V=\"", &metric->metric,
                                              &k->label);
            ngx_http_webhook_status_prometheus_label(out, &item[i]->name);

            if (metric->state.len) {
                ngx_http_webhook_status_out_print(out, "\",state=\"%V",
                                                  &metric->state);
            }

            ngx_http_webhook_status_out_print(out, "\"} %uL\n", value);
        }
    }

    histogram = k->histogram;

    if (histogram == NULL) {
        return;
    }

    ngx_http_webhook_status_prometheus_head(out, &histogram->metric,
                                            &histogram->help, "histogram");

    for (i = 0; i < nitems; i++) {
        ngx_http_webhook_status_prometheus_histogram(out, histogram,
                                            &item[i]->counters[k->ncounters],
                                            &k->label, &item[i]->name);
    }
}


static void
ngx_http_webhook_status_prometheus_memory(ngx_http_webhook_status_out_t *out)
{
    ngx_uint_t                         i, used;
    ngx_array_t                        list;
    ngx_http_webhook_status_memory_t  *memory;

    static ngx_str_t  zone_bytes = ngx_string("nginx_webhook_zone_bytes");
    static ngx_str_t  zone_help =
        ngx_string("Size of a shared memory zone.");
    static ngx_str_t  used_bytes = ngx_string("nginx_webhook_zone_used_bytes");
    static ngx_str_t  used_help =
        ngx_string("Bytes in use of a shared memory zone.");

    if (ngx_http_webhook_status_memory(out->pool, &list) != NGX_OK) {
        out->failed = 1;
        return;
    }

    memory = list.elts;

    for (used = 0; used < 2; used++) {

        ngx_http_webhook_status_prometheus_head(out,
                                                used ? &used_bytes
                                                     : &zone_bytes,
                                                used ? &used_help : &zone_help,
                                                "gauge");

        for (i = 0; i < list.nelts; i++) {
            ngx_http_webhook_status_out_print(out, "%V{zone=\"",
                                              used ? &used_bytes : &zone_bytes);
            ngx_http_webhook_status_prometheus_label(out, &memory[i].name);
            ngx_http_webhook_status_out_print(out, "\"} %uz\n",
                                              used ? memory[i].used
                                               : memory[i].size);
        }
    }
}


static void
ngx_http_webhook_status_prometheus_head(ngx_http_webhook_status_out_t *out,
    ngx_str_t *metric, ngx_str_t *help, const char *type)
{
    ngx_http_webhook_status_out_print(out, "# HELP %V %V\n# TYPE %V %s\n",
                                      metric, help, metric, type);
}


static void
ngx_http_webhook_status_prometheus_histogram(ngx_http_webhook_status_out_t *out,
    ngx_http_webhook_status_histogram_t *histogram, ngx_atomic_t *counters,
    ngx_str_t *label, ngx_str_t *value)
{
    uint64_t    count, sum;
    ngx_uint_t  i;

    for (i = 0, count = 0; i < histogram->nbuckets; i++) {
        count += counters[i];

        ngx_http_webhook_status_out_print(out, "%V_bucket{%V=\"",
                                          &histogram->metric, label);
        ngx_http_webhook_status_prometheus_label(out, value);
        ngx_http_webhook_status_out_print(out, "\",le=\"%V\"} %uL\n",
                                          &histogram->buckets[i].le, count);
    }

    sum = counters[i];

    ngx_http_webhook_status_out_print(out, "%V_sum{%V=\"", &histogram->metric,
                                      label);
    ngx_http_webhook_status_prometheus_label(out, value);
    ngx_http_webhook_status_out_print(out, "\"} %uL.%09uL\n%V_count{%V=\"",
                                      sum / 1000000000, sum % 1000000000,
                                      &histogram->metric, label);
    ngx_http_webhook_status_prometheus_label(out, value);
    ngx_http_webhook_status_out_print(out, "\"} %uL\n", count);
}


static void
ngx_http_webhook_status_prometheus_label(ngx_http_webhook_status_out_t *out,
    ngx_str_t *text)
{
    u_char   ch, *p, *start;
    size_t   i;

    start = ngx_pnalloc(out->pool, 2 * text->len + 1);
    if (start == NULL) {
        out->failed = 1;
        return;
    }

    for (i = 0, p = start; i < text->len; i++) {
        ch = text->data[i];

        if (ch == '\\' || ch == '"' || ch == '\n') {
            *p++ = '\\';
        }

        *p++ = (ch == '\n') ? 'n' : ch;
    }

    ngx_http_webhook_status_out_write(out, start, p - start);
}
