
/* made by util/page of ngx_http_webhook_status_page.html: edit that */


#include "ngx_http_webhook.h"
#include "ngx_http_webhook_status_render.h"


ngx_str_t  ngx_http_webhook_status_policy = ngx_string(
    "default-src 'none'; "
    "script-src 'sha256-UMiZTiQr0FF55ddnk1Z5lOwLZaLuS6v607IsXWuuzbo='; "
    "style-src 'sha256-dnC3Pz723RwENr5hUgdpYQTUXIPdgw1uFGKif+2TOIg='; "
    "connect-src 'self'; "
    "img-src data:; "
    "base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'none'"
);


ngx_str_t  ngx_http_webhook_status_page = ngx_string(
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<title>Webhooks</title>\n"
    "<style>\n"
    "body { margin: 0 }\n"
    "</style>\n"
    "<p>\342\200\246\n"
    "<script>\n"
    "\"use strict\";\n"
    "</script>\n"
);
