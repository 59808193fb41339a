
/* Times, as others write them. */


#include "base/ngx_http_webhook_time.h"


static ngx_int_t ngx_http_webhook_time_digits(u_char **p, u_char *last,
    size_t n, u_char end);


/*
 * Reads a number of seconds, or of parts of them, since 1970.  Returns NGX_OK;
 * NGX_DECLINED if it is negative or too large for a time_t; NGX_ERROR if it is
 * no number.
 */

ngx_int_t
ngx_http_webhook_time_number(ngx_str_t *text, time_t *time)
{
    size_t  i;

    *time = 0;

    i = (text->len > 1 && text->data[0] == '-');

    for ( /* void */ ; i < text->len; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') {
            return NGX_ERROR;
        }
    }

    *time = ngx_atotm(text->data, text->len);

    if (*time == NGX_ERROR) {
        *time = 0;
        return text->len ? NGX_DECLINED : NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Reads a time of RFC 3339 since 1970, such as 2024-02-29T23:59:59.5+01:00; a
 * fraction of a second is cut off.  Returns NGX_OK, or NGX_ERROR if it is none.
 */

ngx_int_t
ngx_http_webhook_time_rfc3339(ngx_str_t *text, time_t *time)
{
    u_char     *last, *p;
    ngx_int_t   day, hour, minute, month, second, sign, year;

    static ngx_int_t  days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
                                 31 };

    p = text->data;
    last = p + text->len;

    year = ngx_http_webhook_time_digits(&p, last, 4, '-');
    month = ngx_http_webhook_time_digits(&p, last, 2, '-');
    day = ngx_http_webhook_time_digits(&p, last, 2, 'T');
    hour = ngx_http_webhook_time_digits(&p, last, 2, ':');
    minute = ngx_http_webhook_time_digits(&p, last, 2, ':');
    second = ngx_http_webhook_time_digits(&p, last, 2, '\0');

    if (year < 1970 || month < 1 || month > 12 || day < 1
        || day > days[month - 1]
                 + (month == 2 && year % 4 == 0
                    && (year % 100 || year % 400 == 0))
        || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0
        || second > 60)
    {
        return NGX_ERROR;
    }

    /* the year begins with March, so that a leap day is its last one */

    if (month < 3) {
        month += 12;
        year--;
    }

    *time = (time_t) (365 * year + year / 4 - year / 100 + year / 400
                      + (153 * month - 457) / 5 + day - 719469) * 86400
            + hour * 3600 + minute * 60 + second;

    if (p < last && *p == '.') {

        if (++p == last || *p < '0' || *p > '9') {
            return NGX_ERROR;
        }

        while (p < last && *p >= '0' && *p <= '9') {
            p++;
        }
    }

    if (last - p == 1 && (*p == 'Z' || *p == 'z')) {
        return NGX_OK;
    }

    if (last - p != sizeof("+00:00") - 1 || (*p != '+' && *p != '-')) {
        return NGX_ERROR;
    }

    sign = (*p++ == '+') ? 1 : -1;

    hour = ngx_http_webhook_time_digits(&p, last, 2, ':');
    minute = ngx_http_webhook_time_digits(&p, last, 2, '\0');

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return NGX_ERROR;
    }

    *time -= sign * (hour * 3600 + minute * 60);

    return NGX_OK;
}


/*
 * Reads a time of HTTP since 1970, in the one form that senders may write: RFC
 * 9110, section 5.6.7.  nginx's own parser looks at nothing before the comma
 * and behind the seconds, where a part of what is signed next could be hidden.
 * Returns NGX_OK, or NGX_ERROR if it is none.
 */

ngx_int_t
ngx_http_webhook_time_http(ngx_str_t *text, time_t *time)
{
    u_char  buf[sizeof("Mon, 28 Sep 1970 06:00:00 GMT")];

    if (text->len != sizeof(buf) - 1) {
        return NGX_ERROR;
    }

    *time = ngx_parse_http_time(text->data, text->len);

    if (*time == NGX_ERROR) {
        return NGX_ERROR;
    }

    return (ngx_http_time(buf, *time) == buf + text->len
            && ngx_memcmp(buf, text->data, text->len) == 0)
           ? NGX_OK : NGX_ERROR;
}


/*
 * Returns the number that "n" digits and then "end" make, unless that is 0, and
 * moves "p" behind them; NGX_ERROR, if there is something else, for good.
 */

static ngx_int_t
ngx_http_webhook_time_digits(u_char **p, u_char *last, size_t n, u_char end)
{
    u_char     ch;
    ngx_int_t  value;

    if ((size_t) (last - *p) < n + (end != '\0')) {
        *p = last;
        return NGX_ERROR;
    }

    value = ngx_atoi(*p, n);
    *p += n;

    if (end == '\0') {
        return value;
    }

    ch = *(*p)++;

    if (ngx_toupper(ch) != end) {
        *p = last;
        return NGX_ERROR;
    }

    return value;
}
