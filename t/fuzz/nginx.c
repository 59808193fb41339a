
/*
 * As much of a running nginx as the module's handlers need: a cycle without
 * connections, locations, requests whose body has been read already, and
 * filters at the end of the chain that keep the answer.  The rest is the real
 * thing: pools, slabs, zones, the module's variables, phase handlers, filters.
 */


#include "nginx.h"
#include "judge/ngx_http_webhook_app.h"
#include "judge/ngx_http_webhook_scheme.h"
#include "judge/ngx_http_webhook_signature.h"
#include "endpoints/ngx_http_webhook_endpoint_api.h"
#include "endpoints/ngx_http_webhook_outbound.h"

#include <ngx_thread_pool.h>


fuzz_answer_t                      fuzz_answer;
ngx_cycle_t                        fuzz_cycle;
ngx_pool_t                        *fuzz_pool;

/* a message of this level or a worse one is a finding */
ngx_uint_t                         fuzz_log_level = NGX_LOG_ALERT;

/* names out of payloads may be logged as they are */
ngx_uint_t                         fuzz_log_utf8;


static void fuzz_log_writer(ngx_log_t *log, ngx_uint_t level, u_char *buf,
    size_t len);
static void fuzz_directive(char *name,
    char *(*set)(ngx_conf_t *cf, ngx_command_t *cmd, void *conf),
    ngx_http_webhook_loc_conf_t *wlcf, char **args);
static ngx_int_t fuzz_phase(ngx_http_request_t *r, ngx_http_phases phase);
static ngx_int_t fuzz_request_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t fuzz_header_filter(ngx_http_request_t *r);
static ngx_int_t fuzz_body_filter(ngx_http_request_t *r, ngx_chain_t *in);
static size_t fuzz_chain_text(ngx_chain_t *in, u_char *text, size_t max);
static ngx_http_variable_t *fuzz_find_variable(ngx_str_t *name);


static ngx_open_file_t             fuzz_log_file;
static ngx_log_t                   fuzz_log;
static ngx_conf_t                  fuzz_cf;
static ngx_conf_file_t             fuzz_conf_file;
static ngx_http_conf_ctx_t         fuzz_ctx;
static ngx_http_core_main_conf_t  *fuzz_cmcf;
static ngx_http_core_loc_conf_t    fuzz_clcf;
static ngx_connection_t            fuzz_connection;
static ngx_event_t                 fuzz_read;
static ngx_event_t                 fuzz_write;
static ngx_fd_t                    fuzz_body_fd;


/* called once */

void
fuzz_nginx(void)
{
    ngx_uint_t            i, n;
    ngx_module_t         *module;
    ngx_core_module_t    *core;
    ngx_http_module_t    *ctx;

    static ngx_pool_t    *pool;

    json_object_seed(1);

    ngx_debug_init();
    ngx_time_init();
    ngx_pid = ngx_getpid();
    ngx_use_stderr = 0;

    fuzz_log_file.fd = open("/dev/null", O_WRONLY);
    fuzz_body_fd = memfd_create("body", 0);

    if (fuzz_log_file.fd == -1 || fuzz_body_fd == -1) {
        fuzz_fail("there are no file descriptors");
    }

    fuzz_log.file = &fuzz_log_file;
    fuzz_log.log_level = NGX_LOG_INFO;
    fuzz_log.writer = fuzz_log_writer;

    ngx_pagesize = getpagesize();
    ngx_cacheline_size = NGX_CPU_CACHE_LINE;
    ngx_ncpu = 1;

    for (n = ngx_pagesize; n >>= 1; ngx_pagesize_shift++) { /* void */ }

    ngx_slab_sizes_init();

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, &fuzz_log);
    if (pool == NULL || ngx_preinit_modules() != NGX_OK) {
        fuzz_fail("ngx_preinit_modules() failed");
    }

    fuzz_pool = pool;

    /* the cycle: what threads and states of zones look for */

    fuzz_cycle.pool = pool;
    fuzz_cycle.log = &fuzz_log;
    fuzz_cycle.new_log = fuzz_log;
    ngx_str_set(&fuzz_cycle.prefix, "/nonexistent/");
    ngx_str_set(&fuzz_cycle.conf_prefix, "/nonexistent/");

    fuzz_cycle.conf_ctx = ngx_pcalloc(pool, ngx_max_module * sizeof(void *));

    n = 0;

    for (i = 0; ngx_modules[i]; i++) {
        module = ngx_modules[i];

        if (module->type == NGX_HTTP_MODULE) {
            module->ctx_index = n++;
        }

        core = module->ctx;

        if (module->type == NGX_CORE_MODULE
            && (module == &ngx_core_module
                || ngx_strcmp(core->name.data, "thread_pool") == 0))
        {
            fuzz_cycle.conf_ctx[module->index] = core->create_conf(&fuzz_cycle);
        }
    }

    ngx_http_max_module = n;
    ngx_cycle = &fuzz_cycle;

    fuzz_ctx.main_conf = ngx_pcalloc(pool, n * sizeof(void *));
    fuzz_ctx.srv_conf = ngx_pcalloc(pool, n * sizeof(void *));
    fuzz_ctx.loc_conf = ngx_pcalloc(pool, n * sizeof(void *));

    fuzz_cf.ctx = &fuzz_ctx;
    fuzz_cf.cycle = &fuzz_cycle;
    fuzz_cf.pool = pool;
    fuzz_cf.temp_pool = pool;
    fuzz_cf.log = &fuzz_log;
    fuzz_cf.conf_file = &fuzz_conf_file;
    fuzz_cf.module_type = NGX_HTTP_MODULE;
    fuzz_cf.args = ngx_array_create(pool, 16, sizeof(ngx_str_t));
    ngx_str_set(&fuzz_conf_file.file.name, "fuzz.conf");
    fuzz_conf_file.line = 1;

    /* a zone's own pool would not last as long */

    if (ngx_thread_pool_add(&fuzz_cf, NULL) == NULL) {
        fuzz_fail("there is no thread pool");
    }

    /* variables */

    fuzz_cmcf = ngx_pcalloc(pool, sizeof(ngx_http_core_main_conf_t));
    fuzz_cmcf->variables_keys = ngx_pcalloc(pool,
                                            sizeof(ngx_hash_keys_arrays_t));
    fuzz_cmcf->variables_keys->pool = pool;
    fuzz_cmcf->variables_keys->temp_pool = pool;

    fuzz_ctx.main_conf[ngx_http_core_module.ctx_index] = fuzz_cmcf;
    fuzz_ctx.loc_conf[ngx_http_core_module.ctx_index] = &fuzz_clcf;

    if (ngx_hash_keys_array_init(fuzz_cmcf->variables_keys, NGX_HASH_SMALL)
        != NGX_OK
        || ngx_array_init(&fuzz_cmcf->prefix_variables, pool, 8,
                          sizeof(ngx_http_variable_t))
           != NGX_OK)
    {
        fuzz_fail("there are no variables");
    }

    for (i = 0; i <= NGX_HTTP_LOG_PHASE; i++) {
        if (ngx_array_init(&fuzz_cmcf->phases[i].handlers, pool, 1,
                           sizeof(ngx_http_handler_pt))
            != NGX_OK)
        {
            fuzz_fail("there are no phases");
        }
    }

    /* the module; its filters, and ours after them */

    ngx_http_top_header_filter = fuzz_header_filter;
    ngx_http_top_body_filter = fuzz_body_filter;

    ctx = ngx_http_webhook_module.ctx;

    fuzz_ctx.main_conf[ngx_http_webhook_module.ctx_index] =
                                             ctx->create_main_conf(&fuzz_cf);

    if (ctx->preconfiguration(&fuzz_cf) != NGX_OK
        || ctx->postconfiguration(&fuzz_cf) != NGX_OK)
    {
        fuzz_fail("the module can't be configured");
    }

    fuzz_connection.fd = (ngx_socket_t) -1;
    fuzz_connection.log = &fuzz_log;
    fuzz_connection.read = &fuzz_read;
    fuzz_connection.write = &fuzz_write;
    fuzz_read.log = &fuzz_log;
    fuzz_read.data = &fuzz_connection;
    fuzz_write.log = &fuzz_log;
    fuzz_write.data = &fuzz_connection;
}


/* no payload may break a line of the log */

static void
fuzz_log_writer(ngx_log_t *log, ngx_uint_t level, u_char *buf, size_t len)
{
    size_t  i;

    if (level <= fuzz_log_level) {
        fuzz_fail("logged: %.*s", (int) len, buf);
    }

    for (i = 0; i + 1 < len; i++) {
        if (buf[i] < ' ' || buf[i] == 0x7f
            || (buf[i] > 0x7f && !fuzz_log_utf8))
        {
            fuzz_fail("a log line with control characters: %s",
                      fuzz_show(buf, len));
        }
    }
}


/* a location, as the directives would have made it */

ngx_http_webhook_loc_conf_t *
fuzz_location(ngx_http_webhook_provider_t *provider)
{
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = ngx_pcalloc(fuzz_pool, sizeof(ngx_http_webhook_loc_conf_t));

    wlcf->provider = provider;
    ngx_str_set(&wlcf->secret_header, "X-Secret");
    ngx_str_set(&wlcf->secret_key, "x-secret");
    wlcf->challenge = wlcf->secret_header;

    return wlcf;
}


/* one with "webhook_endpoints", its arguments to a final NULL */

ngx_http_webhook_loc_conf_t *
fuzz_endpoints(char **args)
{
    ngx_http_webhook_loc_conf_t  *wlcf;

    wlcf = fuzz_location(NGX_CONF_UNSET_PTR);

    fuzz_directive("webhook_endpoints", ngx_http_webhook_endpoints_conf, wlcf,
                   args);

    return wlcf;
}


void
fuzz_secret(ngx_http_webhook_loc_conf_t *wlcf, char *secret, char *slug)
{
    ngx_http_webhook_secret_t  *s;

    if (wlcf->secrets == NULL) {
        wlcf->secrets = ngx_pcalloc(fuzz_pool,
                                    sizeof(ngx_http_webhook_secrets_t));
        ngx_array_init(&wlcf->secrets->list, fuzz_pool, 4,
                       sizeof(ngx_http_webhook_secret_t));
    }

    s = ngx_array_push(&wlcf->secrets->list);

    s->value.variable = NGX_CONF_UNSET;
    s->value.text.data = (u_char *) secret;
    s->value.text.len = strlen(secret);
    s->slug.data = (u_char *) slug;
    s->slug.len = slug ? strlen(slug) : 0;
}


/* directives, their arguments to a final NULL */

void
fuzz_app(ngx_http_webhook_loc_conf_t *wlcf, char **args)
{
    if (wlcf->apps == NULL) {
        wlcf->apps = NGX_CONF_UNSET_PTR;
    }

    fuzz_directive("webhook_app", ngx_http_webhook_app, wlcf, args);
}


void
fuzz_signature(ngx_http_webhook_loc_conf_t *wlcf, char **args)
{
    wlcf->signature = NGX_CONF_UNSET_PTR;

    fuzz_directive("webhook_signature", ngx_http_webhook_signature, wlcf, args);
}


static char *
fuzz_allow_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_command_t  allow;

    ngx_memzero(&allow, sizeof(ngx_command_t));
    allow.offset = offsetof(ngx_http_webhook_loc_conf_t, allow);

    return ngx_http_webhook_endpoint_cidrs(cf, &allow, conf);
}


void
fuzz_scheme(char *name, const char *text)
{
    char       *args[2];
    ngx_buf_t   b;

    ngx_memzero(&b, sizeof(ngx_buf_t));

    b.start = (u_char *) text;
    b.pos = b.start;
    b.last = b.start + strlen(text);
    b.end = b.last;

    /* the descriptor says that it is a block, and is not read */

    fuzz_conf_file.file.fd = fuzz_body_fd;
    fuzz_conf_file.buffer = &b;

    args[0] = name;
    args[1] = NULL;

    fuzz_directive("webhook_scheme", ngx_http_webhook_scheme, NULL, args);

    fuzz_conf_file.file.fd = NGX_INVALID_FILE;
    fuzz_conf_file.buffer = NULL;
}


void
fuzz_allow(ngx_http_webhook_loc_conf_t *wlcf, char **args)
{
    wlcf->allow = NGX_CONF_UNSET_PTR;

    fuzz_directive("webhook_endpoint_allow", fuzz_allow_set, wlcf, args);
}


/*
 * Returns the filter that reads the body of an event for the endpoints of a
 * queue; it returns NGX_OK, or what the request is ended with.
 */

ngx_http_request_body_filter_pt
fuzz_outbound(ngx_http_webhook_queue_t *queue)
{
    ngx_http_webhook_queue_t         **q;
    ngx_http_webhook_main_conf_t      *wmcf;
    ngx_http_request_body_filter_pt    filter, saved;

    wmcf = ngx_http_conf_get_module_main_conf((&fuzz_cf),
                                              ngx_http_webhook_module);

    q = ngx_array_push(&wmcf->queues);
    *q = queue;

    saved = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = fuzz_request_body_filter;

    ngx_http_webhook_outbound_init(&fuzz_cf);

    filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = saved;

    return filter;
}


static ngx_int_t
fuzz_request_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    return NGX_OK;
}


static void
fuzz_directive(char *name,
    char *(*set)(ngx_conf_t *cf, ngx_command_t *cmd, void *conf),
    ngx_http_webhook_loc_conf_t *wlcf, char **args)
{
    char           *rv;
    ngx_str_t      *value;
    ngx_command_t   cmd;

    ngx_memzero(&cmd, sizeof(ngx_command_t));

    cmd.name.data = (u_char *) name;
    cmd.name.len = strlen(name);

    fuzz_cf.args->nelts = 0;

    for ( /* void */ ; name; name = *args++) {
        value = ngx_array_push(fuzz_cf.args);
        value->data = (u_char *) name;
        value->len = strlen(name);
    }

    rv = set(&fuzz_cf, &cmd, wlcf);

    if (rv != NGX_CONF_OK) {
        fuzz_fail("a directive %s", rv);
    }
}


/*
 * "webhook_zone", with "pool" for a cycle's; if it has a state, that is one of
 * Lenra's webhooks.  Returns NULL if the zone could not be filled from it.
 */

ngx_shm_zone_t *
fuzz_zone(ngx_pool_t *pool, size_t size, char *state)
{
    u_char                        *addr;
    ngx_int_t                      rc;
    ngx_str_t                      name = ngx_string("fuzz"), path;
    ngx_pool_t                    *saved;
    ngx_shm_zone_t                *zone;
    ngx_slab_pool_t               *shpool;
    ngx_http_webhook_main_conf_t  *wmcf;

    saved = fuzz_cycle.pool;
    fuzz_cycle.pool = pool;
    fuzz_cf.pool = pool;

    /* each time it is another configuration's */

    wmcf = ngx_http_conf_get_module_main_conf((&fuzz_cf),
                                              ngx_http_webhook_module);
    wmcf->files.nelts = 0;

    if (ngx_list_init(&fuzz_cycle.shared_memory, pool, 1,
                      sizeof(ngx_shm_zone_t))
        != NGX_OK)
    {
        fuzz_fail("no memory");
    }

    if (state) {
        path.data = (u_char *) state;
        path.len = strlen(state);
    }

    zone = ngx_http_webhook_registry_add(&fuzz_cf, &name, size,
                                         state ? &path : NULL,
                                         NGX_HTTP_WEBHOOK_STATE_DEFAULT,
                                         NGX_HTTP_WEBHOOK_RECORD_DEFAULT);
    if (zone == NULL) {
        fuzz_fail("no zone");
    }

    if (state
        && ngx_http_webhook_registry_claim(&fuzz_cf, zone,
                                           &ngx_http_webhook_lenra_kind,
                                           (u_char *) "fuzz.conf", 1)
           != NGX_CONF_OK)
    {
        fuzz_fail("the zone is somebody else's");
    }

    fuzz_cycle.pool = saved;
    fuzz_cf.pool = fuzz_pool;

    addr = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_ANON|MAP_PRIVATE, -1, 0);
    if (addr == MAP_FAILED) {
        fuzz_fail("no memory");
    }

    zone->shm.addr = addr;
    zone->shm.log = &fuzz_log;

    shpool = (ngx_slab_pool_t *) addr;
    shpool->end = addr + size;
    shpool->min_shift = 3;
    shpool->addr = addr;

    if (ngx_shmtx_create(&shpool->mutex, &shpool->lock, NULL) != NGX_OK) {
        fuzz_fail("no mutex");
    }

    ngx_slab_init(shpool);

    rc = zone->init(zone, NULL);

    if (rc != NGX_OK) {
        fuzz_zone_done(zone);
        return NULL;
    }

    return zone;
}


void
fuzz_zone_done(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (ngx_shmtx_trylock(&shpool->mutex) == 0) {
        fuzz_fail("the zone is locked");
    }

    ngx_shmtx_unlock(&shpool->mutex);
    ngx_shmtx_destroy(&shpool->mutex);

    munmap(zone->shm.addr, zone->shm.size);
}


/* what is free: whole pages, and slots of the others */

size_t
fuzz_zone_free(ngx_shm_zone_t *zone)
{
    size_t            n;
    ngx_uint_t        i;
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    n = shpool->pfree * ngx_pagesize;

    for (i = 0; i < ngx_pagesize_shift - shpool->min_shift; i++) {
        n += (shpool->stats[i].total - shpool->stats[i].used)
             << (i + shpool->min_shift);
    }

    return n;
}


/* what precedes "ch", or the end */

void
fuzz_until(u_char **p, u_char *last, u_char ch, ngx_str_t *text)
{
    u_char  *end;

    end = (*p < last) ? memchr(*p, ch, last - *p) : NULL;

    text->data = *p;
    text->len = (end ? end : last) - *p;

    *p = end ? end + 1 : last;
}


/*
 * A header out of the line at "p".  Returns 1 if nginx lets such a header pass,
 * which takes the spaces around its value away.
 */

ngx_uint_t
fuzz_header_line(u_char **p, u_char *last, fuzz_header_t *h)
{
    ngx_str_t  line;

    fuzz_until(p, last, '\n', &line);
    fuzz_until(&line.data, line.data + line.len, ':', &h->name);

    h->value.data = h->name.data + h->name.len;
    h->value.len = line.len - h->name.len;

    if (h->value.len) {
        h->value.data++;
        h->value.len--;
    }

    while (h->value.len && h->value.data[0] == ' ') {
        h->value.data++;
        h->value.len--;
    }

    while (h->value.len && h->value.data[h->value.len - 1] == ' ') {
        h->value.len--;
    }

    return h->name.len
           && !memchr(h->name.data, '\0', h->name.len)
           && !(h->value.len && memchr(h->value.data, '\0', h->value.len));
}


/* how many headers there are of a name, and the first one's value */

ngx_uint_t
fuzz_find_header(fuzz_header_t *headers, ngx_uint_t n, const char *name,
    ngx_str_t **value)
{
    size_t      len;
    ngx_uint_t  found, i;

    found = 0;
    *value = NULL;
    len = strlen(name);

    for (i = 0; i < n; i++) {
        if (headers[i].name.len == len
            && strncasecmp((char *) headers[i].name.data, name, len) == 0
            && found++ == 0)
        {
            *value = &headers[i].value;
        }
    }

    return found;
}


/* "uri" and "args" must live as long as the request */

ngx_http_request_t *
fuzz_request(ngx_http_webhook_loc_conf_t *wlcf, ngx_uint_t method,
    ngx_str_t *uri, ngx_str_t *args)
{
    ngx_pool_t          *pool;
    ngx_http_request_t  *r;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, &fuzz_log);
    if (pool == NULL) {
        fuzz_fail("no memory");
    }

    r = ngx_pcalloc(pool, sizeof(ngx_http_request_t));

    r->signature = NGX_HTTP_MODULE;
    r->pool = pool;
    r->connection = &fuzz_connection;
    r->main = r;
    r->count = 1;
    r->keepalive = 1;
    r->method = method;
    r->http_version = NGX_HTTP_VERSION_11;
    r->header_only = (method == NGX_HTTP_HEAD);
    r->uri = *uri;

    /* as sent it was another one, in which nothing is ambiguous */
    ngx_str_set(&r->unparsed_uri, "/");

    r->headers_in.content_length_n = -1;

    if (args) {
        r->args = *args;
    }

    fuzz_connection.pool = pool;
    fuzz_connection.data = r;

    fuzz_ctx.loc_conf[ngx_http_webhook_module.ctx_index] = wlcf;

    r->main_conf = fuzz_ctx.main_conf;
    r->srv_conf = fuzz_ctx.srv_conf;
    r->loc_conf = fuzz_ctx.loc_conf;
    r->ctx = ngx_pcalloc(pool, ngx_http_max_module * sizeof(void *));
    r->variables = ngx_pcalloc(pool, fuzz_cmcf->variables.nelts
                                     * sizeof(ngx_http_variable_value_t));

    if (ngx_list_init(&r->headers_in.headers, pool, 2, sizeof(ngx_table_elt_t))
        != NGX_OK
        || ngx_list_init(&r->headers_out.headers, pool, 2,
                         sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        fuzz_fail("no memory");
    }

    ngx_memzero(&fuzz_answer, offsetof(fuzz_answer_t, text));

    return r;
}


void
fuzz_header(ngx_http_request_t *r, ngx_str_t *name, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_in.headers);

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = *name;
    h->value = *value;
    h->lowcase_key = ngx_pnalloc(r->pool, name->len + 1);
    h->hash = ngx_hash_strlow(h->lowcase_key, name->data, name->len);

#define is(s)                                                                 \
    (name->len == sizeof(s) - 1                                               \
     && ngx_memcmp(h->lowcase_key, s, sizeof(s) - 1) == 0)

    if (is("content-type") && r->headers_in.content_type == NULL) {
        r->headers_in.content_type = h;
    }

    if (is("authorization") && r->headers_in.authorization == NULL) {
        r->headers_in.authorization = h;
    }

#undef is
}


/* cut where the input says, its end in a file if the input says so */

void
fuzz_body(ngx_http_request_t *r, u_char *text, size_t len)
{
    size_t        from, n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, **ll;
    ngx_uint_t    i, pieces;

    r->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    r->headers_in.content_length_n = len;

    ll = &r->request_body->bufs;
    from = 0;
    pieces = 1 + fuzz_choose(4);

    for (i = 0; i < pieces; i++) {
        n = (i < pieces - 1) ? fuzz_choose(len - from + 1) : len - from;

        b = ngx_calloc_buf(r->pool);
        cl = ngx_alloc_chain_link(r->pool);

        if (i == pieces - 1 && n && fuzz_choose(4) == 0) {

            if (pwrite(fuzz_body_fd, text + from, n, 3) != (ssize_t) n) {
                fuzz_fail("no file");
            }

            b->in_file = 1;
            b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
            b->file->fd = fuzz_body_fd;
            b->file->log = &fuzz_log;
            ngx_str_set(&b->file->name, "body");
            b->file_pos = 3;
            b->file_last = 3 + n;

        } else {

            /* a block of its own, for overruns to show */

            b->start = ngx_pnalloc(r->pool, n + (n == 0));
            ngx_memcpy(b->start, text + from, n);
            b->pos = b->start;
            b->last = b->start + n;
            b->end = b->last;
            b->temporary = 1;
        }

        b->last_buf = (i == pieces - 1);

        cl->buf = b;
        cl->next = NULL;
        *ll = cl;
        ll = &cl->next;

        from += n;
    }
}


/* the body that content handlers would see; returns its length */

size_t
fuzz_body_text(ngx_http_request_t *r, u_char *text, size_t max)
{
    return fuzz_chain_text(r->request_body->bufs, text, max);
}


/*
 * The access and precontent phases.  Returns 0, or the status of a refusal,
 * which has been answered.
 */

ngx_uint_t
fuzz_judge(ngx_http_request_t *r, ngx_uint_t satisfy_any)
{
    ngx_int_t  rc;

    rc = fuzz_phase(r, NGX_HTTP_ACCESS_PHASE);

    if (rc == NGX_HTTP_UNAUTHORIZED && satisfy_any) {

        /* what nginx does when another module grants access */

        if (r->headers_out.www_authenticate) {
            r->headers_out.www_authenticate->hash = 0;
        }

        rc = NGX_OK;
    }

    if (rc == NGX_OK || rc == NGX_DECLINED) {
        rc = fuzz_phase(r, NGX_HTTP_PRECONTENT_PHASE);
    }

    if (rc == NGX_DECLINED) {
        return 0;
    }

    fuzz_refuse(r, rc);

    return rc;
}


/* the module has one handler in a phase */

static ngx_int_t
fuzz_phase(ngx_http_request_t *r, ngx_http_phases phase)
{
    ngx_http_handler_pt  *handler;

    handler = fuzz_cmcf->phases[phase].handlers.elts;

    return (*handler)(r);
}


/* nginx's special response, whose body the module replaces */

void
fuzz_refuse(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t   out;

    if (status < 400 || status > 599 || status == 500) {
        fuzz_fail("the status %ld", (long) status);
    }

    b = ngx_create_temp_buf(r->pool, 16);
    b->last = ngx_cpymem(b->last, "<html></html>", 13);
    b->last_buf = 1;

    out.buf = b;
    out.next = NULL;

    r->err_status = status;
    r->headers_out.status = status;
    r->headers_out.content_length_n = 13;
    ngx_str_set(&r->headers_out.content_type, "text/html");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_OK) {
        rc = ngx_http_output_filter(r, &out);
    }

    if (rc != NGX_OK) {
        fuzz_fail("the answer ended with %ld", (long) rc);
    }
}


/* the content phase, where the module has a handler of its own */

void
fuzz_content(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = r->content_handler(r);

    if (rc == NGX_HTTP_NO_CONTENT) {
        fuzz_answer.status = rc;
        return;
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        fuzz_refuse(r, rc);
        return;
    }

    if (rc != NGX_OK) {
        fuzz_fail("the content handler ended with %ld", (long) rc);
    }
}


void
fuzz_request_done(ngx_http_request_t *r)
{
    if (r->main->count != 1 || r->main->blocked) {
        fuzz_fail("the request has %d references", (int) r->main->count);
    }

    ngx_destroy_pool(r->pool);
}


static ngx_int_t
fuzz_header_filter(ngx_http_request_t *r)
{
    if (r->header_sent) {
        fuzz_fail("the header is sent twice");
    }

    r->header_sent = 1;

    fuzz_answer.status = r->headers_out.status;
    fuzz_answer.content_type = r->headers_out.content_type;

    return NGX_OK;
}


static ngx_int_t
fuzz_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    fuzz_answer.len += fuzz_chain_text(in, fuzz_answer.text + fuzz_answer.len,
                                       FUZZ_ANSWER - fuzz_answer.len);

    if (r->headers_out.content_length_n != (off_t) fuzz_answer.len) {
        fuzz_fail("%ld bytes of %ld", (long) fuzz_answer.len,
                  (long) r->headers_out.content_length_n);
    }

    return NGX_OK;
}


static size_t
fuzz_chain_text(ngx_chain_t *in, u_char *text, size_t max)
{
    size_t      len, n;
    ngx_buf_t  *b;

    len = 0;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;
        n = ngx_buf_size(b);

        if (n > max - len) {
            fuzz_fail("more than %lu bytes", (unsigned long) max);
        }

        if (n == 0) {
            continue;
        }

        if (ngx_buf_in_memory(b)) {
            ngx_memcpy(text + len, b->pos, n);

        } else if (pread(b->file->fd, text + len, n, b->file_pos)
                   != (ssize_t) n)
        {
            fuzz_fail("the file is too short");
        }

        len += n;
    }

    return len;
}


/* how many headers of that name an answer has, and the last one's value */

ngx_uint_t
fuzz_answer_header(ngx_http_request_t *r, const char *name, ngx_str_t *value)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].value.len && h[i].key.len == strlen(name)
                && ngx_memcmp(h[i].key.data, name, h[i].key.len) == 0)
            {
                *value = h[i].value;
                n++;
            }
        }
    }

    return n;
}


/*
 * The value of a variable; returns 0 if it has none.  No value has control
 * characters.
 */

ngx_uint_t
fuzz_variable(ngx_http_request_t *r, const char *name, ngx_str_t *value)
{
    size_t                      i;
    ngx_str_t                  *key;
    ngx_http_variable_t        *var;
    ngx_http_variable_value_t   vv;

    key = ngx_palloc(r->pool, sizeof(ngx_str_t));

    key->data = (u_char *) name;
    key->len = strlen(name);

    var = fuzz_find_variable(key);

    if (var == NULL) {
        fuzz_fail("there is no $%s", name);
    }

    ngx_memzero(&vv, sizeof(ngx_http_variable_value_t));

    if (var->get_handler(r, &vv, (var->flags & NGX_HTTP_VAR_PREFIX)
                                 ? (uintptr_t) key : var->data)
        != NGX_OK)
    {
        fuzz_fail("$%s failed", name);
    }

    if (vv.valid == vv.not_found) {
        fuzz_fail("$%s is neither valid nor not found", name);
    }

    if (vv.not_found) {
        return 0;
    }

    value->len = vv.len;
    value->data = vv.data;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < ' ' || value->data[i] == 0x7f) {
            fuzz_fail("$%s has a control character: %s", name,
                      fuzz_show(value->data, value->len));
        }
    }

    return 1;
}


static ngx_http_variable_t *
fuzz_find_variable(ngx_str_t *name)
{
    ngx_uint_t            i;
    ngx_hash_key_t       *key;
    ngx_http_variable_t  *var;

    key = fuzz_cmcf->variables_keys->keys.elts;

    for (i = 0; i < fuzz_cmcf->variables_keys->keys.nelts; i++) {
        if (key[i].key.len == name->len
            && ngx_memcmp(key[i].key.data, name->data, name->len) == 0)
        {
            return key[i].value;
        }
    }

    var = fuzz_cmcf->prefix_variables.elts;

    for (i = 0; i < fuzz_cmcf->prefix_variables.nelts; i++) {
        if (name->len >= var[i].name.len
            && ngx_memcmp(var[i].name.data, name->data, var[i].name.len) == 0)
        {
            return &var[i];
        }
    }

    return NULL;
}


/* returns 1 if "value" is the text with its control characters as %XX */

ngx_uint_t
fuzz_escaped(ngx_str_t *value, u_char *text, size_t len)
{
    char     buf[4];
    size_t   i;
    u_char  *last, *p;

    if (len == 0) {
        return value->len == 0;
    }

    p = value->data;
    last = p + value->len;

    for (i = 0; i < len; i++) {

        if (text[i] >= ' ' && text[i] != 0x7f) {

            if (p == last || *p++ != text[i]) {
                return 0;
            }

            continue;
        }

        sprintf(buf, "%%%02X", text[i]);

        if (last - p < 3 || ngx_memcmp(p, buf, 3) != 0) {
            return 0;
        }

        p += 3;
    }

    return p == last;
}
