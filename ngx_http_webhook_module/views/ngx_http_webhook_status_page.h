
#ifndef _NGX_HTTP_WEBHOOK_STATUS_PAGE_H_INCLUDED_
#define _NGX_HTTP_WEBHOOK_STATUS_PAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the page, and the Content-Security-Policy that allows what is in it */

extern ngx_str_t  ngx_http_webhook_status_page;
extern ngx_str_t  ngx_http_webhook_status_policy;


#endif /* _NGX_HTTP_WEBHOOK_STATUS_PAGE_H_INCLUDED_ */
