
/*
 * The report that an endpoint has been switched off: an event of our own in the
 * queue of "report=".
 *
 * That an endpoint is switched off is committed with a mark that it is to be
 * reported, and the mark is taken away once the report is durable.  So there is
 * no report of what has not happened, and none is lost: the process that
 * delivers the queue looks for marks when it begins to, and again after
 * a report that could not be made.  Only a crash after a report has become
 * durable has it made twice, with the same id.
 */


#include "endpoints/ngx_http_webhook_report.h"


/* endpoints looked at in a second, and reports that may be under way */
#define NGX_HTTP_WEBHOOK_REPORT_SLICE  1000
#define NGX_HTTP_WEBHOOK_REPORT_MAX    16

/* seconds after which a report that could not be made is tried again */
#define NGX_HTTP_WEBHOOK_REPORT_AGAIN  10

/* a mark has the status below so much, and above it whose report it is */
#define NGX_HTTP_WEBHOOK_REPORT_STATUS  1000
#define NGX_HTTP_WEBHOOK_REPORT_QUEUES  100000


struct ngx_http_webhook_reports_s {
    ngx_queue_t                       under_way;
    ngx_uint_t                        n;          /* of these */
    ngx_http_webhook_registration_t   last;       /* that was looked at */
    ngx_uint_t                        looking;    /* for marks */
    time_t                            again;      /* when to look, or 0 */
};


typedef struct {
    ngx_queue_t                       node;       /* of those under way */
    ngx_pool_t                       *pool;
    ngx_http_webhook_queue_t         *queue;      /* that is delivered */
    ngx_http_webhook_provider_t      *provider;
    ngx_str_t                         workspace;
    ngx_http_webhook_endpoint_t       endpoint;
    ngx_uint_t                        conflicts;
    ngx_http_webhook_enqueue_t        enqueue;
    ngx_http_webhook_registry_op_t    op;
} ngx_http_webhook_report_t;


static ngx_http_webhook_reports_t *ngx_http_webhook_report_list(
    ngx_http_webhook_queue_t *queue);
static ngx_uint_t ngx_http_webhook_report_under_way(
    ngx_http_webhook_reports_t *reports, ngx_str_t *workspace);
static ngx_int_t ngx_http_webhook_report_marked(
    ngx_http_webhook_report_t *report);
static ngx_int_t ngx_http_webhook_report_submit(
    ngx_http_webhook_report_t *report);
static void ngx_http_webhook_report_taken(ngx_http_webhook_enqueue_t *enqueue);
static void ngx_http_webhook_report_unmark(ngx_http_webhook_report_t *report);
static void ngx_http_webhook_report_unmarked(
    ngx_http_webhook_registry_op_t *op);
static void ngx_http_webhook_report_end(ngx_http_webhook_report_t *report,
    ngx_uint_t again);


/*
 * Returns the mark of an endpoint that a queue's answer of "status" switches
 * off, or 0 if that is not to be reported.
 */

ngx_uint_t
ngx_http_webhook_report_mark(ngx_http_webhook_queue_t *queue, ngx_uint_t status)
{
    ngx_uint_t  name;

    if (queue->location == NULL || queue->location->report == NULL) {
        return 0;
    }

    /* other queues may have endpoints of the same zone */

    name = ngx_crc32_short(queue->name.data, queue->name.len)
           % (NGX_HTTP_WEBHOOK_REPORT_QUEUES - 1) + 1;

    return name * NGX_HTTP_WEBHOOK_REPORT_STATUS
           + status % NGX_HTTP_WEBHOOK_REPORT_STATUS;
}


/*
 * Reports that the endpoint of a workspace has been switched off, which has
 * been committed with a mark.  If it can't be done now, it is tried again.
 */

void
ngx_http_webhook_report_make(ngx_http_webhook_queue_t *queue,
    ngx_http_webhook_provider_t *provider, ngx_str_t *workspace)
{
    ngx_int_t                    rc;
    ngx_pool_t                  *pool;
    ngx_http_webhook_report_t   *report;
    ngx_http_webhook_reports_t  *reports;

    reports = ngx_http_webhook_report_list(queue);

    if (reports == NULL
        || ngx_http_webhook_report_under_way(reports, workspace))
    {
        return;
    }

    pool = NULL;

    if (reports->n == NGX_HTTP_WEBHOOK_REPORT_MAX) {
        goto again;
    }

    pool = ngx_create_pool(2048, queue->cycle->log);
    if (pool == NULL) {
        goto again;
    }

    report = ngx_pcalloc(pool, sizeof(ngx_http_webhook_report_t));
    if (report == NULL) {
        goto again;
    }

    report->workspace.len = workspace->len;
    report->workspace.data = ngx_pstrdup(pool, workspace);
    if (report->workspace.data == NULL) {
        goto again;
    }

    report->pool = pool;
    report->queue = queue;
    report->provider = provider;

    ngx_queue_insert_tail(&reports->under_way, &report->node);
    reports->n++;

    rc = ngx_http_webhook_report_marked(report);

    if (rc != NGX_OK) {
        ngx_http_webhook_report_end(report, rc == NGX_ERROR);
        return;
    }

    if (ngx_http_webhook_report_submit(report) != NGX_AGAIN) {
        report->enqueue.sc.change.rc = NGX_ERROR;
        ngx_http_webhook_report_taken(&report->enqueue);
    }

    return;

again:

    reports->again = ngx_time() + NGX_HTTP_WEBHOOK_REPORT_AGAIN;

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


/* Returns the reports of a queue in this process, or NULL without memory. */

static ngx_http_webhook_reports_t *
ngx_http_webhook_report_list(ngx_http_webhook_queue_t *queue)
{
    if (queue->reports) {
        return queue->reports;
    }

    queue->reports = ngx_pcalloc(queue->cycle->pool,
                                 sizeof(ngx_http_webhook_reports_t));

    if (queue->reports) {
        ngx_queue_init(&queue->reports->under_way);
    }

    return queue->reports;
}


static ngx_uint_t
ngx_http_webhook_report_under_way(ngx_http_webhook_reports_t *reports,
    ngx_str_t *workspace)
{
    ngx_queue_t                *q;
    ngx_http_webhook_report_t  *report;

    for (q = ngx_queue_head(&reports->under_way);
         q != ngx_queue_sentinel(&reports->under_way);
         q = ngx_queue_next(q))
    {
        report = ngx_queue_data(q, ngx_http_webhook_report_t, node);

        if (report->workspace.len == workspace->len
            && ngx_memcmp(report->workspace.data, workspace->data,
                          workspace->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Finds the endpoint as it is now.  Returns NGX_OK if it has the mark of this
 * queue, NGX_DECLINED if it has none, or NGX_ERROR if that is not known.
 */

static ngx_int_t
ngx_http_webhook_report_marked(ngx_http_webhook_report_t *report)
{
    ngx_int_t                     rc;
    ngx_uint_t                    status;
    ngx_http_webhook_endpoint_t  *endpoint;

    endpoint = &report->endpoint;

    rc = ngx_http_webhook_endpoint_find(report->queue->endpoints,
                                        report->provider, report->pool,
                                        &report->workspace, endpoint);
    if (rc != NGX_OK) {
        return rc;
    }

    status = endpoint->report % NGX_HTTP_WEBHOOK_REPORT_STATUS;

    return (endpoint->report && endpoint->disabled
            && endpoint->report == ngx_http_webhook_report_mark(report->queue,
                                                                status))
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_webhook_report_submit(ngx_http_webhook_report_t *report)
{
    u_char                       *p;
    json_t                       *payload;
    ngx_str_t                    *reason;
    ngx_http_webhook_enqueue_t   *enqueue;
    ngx_http_webhook_fan_out_t   *fan_out;
    ngx_http_webhook_endpoint_t  *endpoint;

    endpoint = &report->endpoint;
    enqueue = &report->enqueue;
    fan_out = report->provider->fan_out;

    enqueue->queue = report->queue->location->report;
    enqueue->provider = report->provider;
    enqueue->name = fan_out->disabled;
    enqueue->workspace = report->workspace;
    enqueue->handler = ngx_http_webhook_report_taken;
    enqueue->data = report;

    /* the same one, if it should be made twice */

    p = ngx_pnalloc(report->pool,
                    NGX_HTTP_WEBHOOK_UUID_LEN + 1 + NGX_TIME_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    enqueue->id.data = p;
    p = ngx_http_webhook_uuid_print(p, endpoint->uuid);
    p = ngx_sprintf(p, "-%T", endpoint->failed);
    enqueue->id.len = p - enqueue->id.data;

    reason = ngx_http_webhook_endpoint_reason(endpoint->disabled);

    payload = json_pack("{s:s%, s:s%, s:I}",
                        "url", endpoint->url.data, endpoint->url.len,
                        "reason", reason->data, reason->len,
                        "status", (json_int_t) (endpoint->report
                                           % NGX_HTTP_WEBHOOK_REPORT_STATUS));

    if (fan_out->create(report->pool, &enqueue->workspace, &enqueue->name,
                        payload, &enqueue->text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_webhook_queue_submit_own(enqueue, report->pool, NULL);
}


/* The report is durable, or could not be stored. */

static void
ngx_http_webhook_report_taken(ngx_http_webhook_enqueue_t *enqueue)
{
    ngx_http_webhook_report_t  *report;

    report = enqueue->data;

    if (enqueue->sc.change.rc == NGX_OK) {
        ngx_http_webhook_report_unmark(report);
        return;
    }

    ngx_log_error(NGX_LOG_CRIT, report->queue->cycle->log, 0,
                  "webhook queue \"%V\" could not take the report of an "
                  "endpoint: it is tried again",
                  &report->queue->location->report->name);

    ngx_http_webhook_report_end(report, 1);
}


/* Takes the mark away, unless it is gone. */

static void
ngx_http_webhook_report_unmark(ngx_http_webhook_report_t *report)
{
    ngx_int_t  rc;

    do {
        rc = ngx_http_webhook_report_marked(report);

        if (rc != NGX_OK) {
            ngx_http_webhook_report_end(report, rc == NGX_ERROR);
            return;
        }

        report->endpoint.report = 0;

        report->op.handler = ngx_http_webhook_report_unmarked;
        report->op.data = report;

        rc = ngx_http_webhook_endpoint_replace(report->queue->endpoints,
                                               report->pool, &report->endpoint,
                                               &report->op);
    } while (rc == NGX_BUSY
             && ++report->conflicts < NGX_HTTP_WEBHOOK_CONFLICTS);

    if (rc != NGX_AGAIN) {
        ngx_http_webhook_report_end(report, rc != NGX_OK);
    }
}


static void
ngx_http_webhook_report_unmarked(ngx_http_webhook_registry_op_t *op)
{
    ngx_http_webhook_report_t  *report;

    report = op->data;

    if (op->rc == NGX_BUSY
        && ++report->conflicts < NGX_HTTP_WEBHOOK_CONFLICTS)
    {
        ngx_http_webhook_report_unmark(report);
        return;
    }

    ngx_http_webhook_report_end(report, op->rc != NGX_OK);
}


/* Ends a report; "again": the endpoint still has its mark. */

static void
ngx_http_webhook_report_end(ngx_http_webhook_report_t *report, ngx_uint_t again)
{
    ngx_http_webhook_reports_t  *reports;

    reports = report->queue->reports;

    ngx_queue_remove(&report->node);
    reports->n--;

    if (again) {
        reports->again = ngx_time() + NGX_HTTP_WEBHOOK_REPORT_AGAIN;
    }

    ngx_destroy_pool(report->pool);
}


/*
 * This process begins to deliver a queue: looks for reports that another one
 * has not made.
 */

void
ngx_http_webhook_report_take_over(ngx_http_webhook_queue_t *queue)
{
    ngx_http_webhook_reports_t  *reports;

    if (queue->endpoints == NULL || queue->location->report == NULL) {
        return;
    }

    reports = ngx_http_webhook_report_list(queue);

    if (reports) {
        reports->again = ngx_time();
    }
}


/*
 * Called each second while this process delivers a queue: goes on looking for
 * marks, if that is to be done.
 */

void
ngx_http_webhook_report_go_on(ngx_http_webhook_queue_t *queue)
{
    ngx_int_t                      rc;
    ngx_uint_t                     n;
    ngx_pool_t                    *pool;
    ngx_str_t                      workspace;
    ngx_http_webhook_reports_t    *reports;
    ngx_http_webhook_main_conf_t  *wmcf;

    reports = queue->reports;

    if (reports == NULL) {
        return;
    }

    if (!reports->looking && reports->again && reports->again <= ngx_time()) {
        reports->looking = 1;
        reports->again = 0;
        ngx_memzero(&reports->last, sizeof(ngx_http_webhook_registration_t));
    }

    if (!reports->looking) {
        return;
    }

    wmcf = ngx_http_cycle_get_module_main_conf(queue->cycle,
                                               ngx_http_webhook_module);

    for (n = 0;
         n < NGX_HTTP_WEBHOOK_REPORT_SLICE
         && reports->n < NGX_HTTP_WEBHOOK_REPORT_MAX;
         n++)
    {
        pool = ngx_create_pool(2048, queue->cycle->log);
        if (pool == NULL) {
            return;
        }

        rc = ngx_http_webhook_endpoint_next_marked(queue->endpoints, pool,
                                                   &reports->last, &workspace);
        if (rc == NGX_OK) {
            ngx_http_webhook_report_make(queue, wmcf->fan_out, &workspace);
        }

        ngx_destroy_pool(pool);

        if (rc == NGX_DONE) {
            /* one without a mark */
            continue;
        }

        if (rc == NGX_DECLINED) {
            reports->looking = 0;
            return;
        }

        if (rc != NGX_OK) {
            /* the state can't be read now */
            return;
        }
    }
}
