use lib 't/lib';
use WebhookTest 'no_plan';

# Beside nginx's own modules: what runs before, what runs after, and what
# redirects and subrequests do with an event.

use Answers qw(echo luzmo page);
use LuzmoEvent qw($User $Body $Large $Headers);

# PORT_1 echoes; PORT_2 writes what it gets into the access log and answers
# with nothing; nobody listens on PORT_9.
our $Servers = <<'END';
    server_tokens off;
    log_format seen escape=none
        'seen: $request_method $request_uri [$http_x_field] $request_body';

    limit_req_zone $connection zone=once:1m rate=1r/m;

    charset_map koi8-r windows-1251 {
        C0 FE;
    }

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_2;
        client_max_body_size 8m;
        client_body_buffer_size 8m;
        log_not_found off;
        access_log logs/access.log seen;

        location / {
            mirror /mirror;
            error_page 404 =204 @empty;
        }

        location = /mirror {
            return 204;
        }

        location @empty {
            return 204;
        }
    }
END

my $Statuses = join "\n", map {
    "location /status/$_/ { return $_ 'upstream $_\n'; }"
} 400, 401, 403, 404, 405, 500, 503;

$Servers .= echo(server => <<"END");
        $Statuses

        location /accel/ {
            add_header X-Accel-Redirect \$http_x_accel;
            return 200;
        }
END

our $Untyped = "Content-Type: application/json\n";

our $NoEvent = luzmo('unknown_event');
our $NoMethod = luzmo('method_not_allowed');
our $Missing = luzmo('missing_secret');
our $Invalid = luzmo('invalid_secret');
our $Bad = luzmo('invalid_json', offset => 1);
our $Plugin = luzmo('wrong_plugin', field => 'slug');

# A location's text: "webhook luzmo" with a secret, and an upstream.
sub hook {
    my ($name, $more, $pass) = @_;

    $pass //= 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;';

    return "location $name {\n webhook luzmo;\n"
           . " webhook_secret right slug=acme;\n $more\n $pass\n}\n";
}

our $Variables = '[$webhook_provider|$webhook_event|$webhook_reason'
                 . '|$webhook_field_slug|$webhook_field_user_id]';

our $Kept = "[luzmo|data_updated||acme|$User]";

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $Servers);
    $block->set_value('more_headers', $Headers)
        unless defined $block->more_headers;
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: limit_req counts before anything is judged
--- config eval
::hook('/hook/', 'limit_req zone=once; limit_req_log_level info;')
--- pipelined_requests eval
["POST /hook/data_updated\n$::Body", "POST /hook/data_updated\n$::Body",
 "POST /hook/unknown\n$::Body"]
--- error_code eval
[200, 503, 503]
--- response_body eval
[$::Body, (::page('503 Service Temporarily Unavailable')) x 2]



=== TEST 2: limit_req counts what is refused as well
--- config eval
::hook('/hook/', 'limit_req zone=once; limit_req_log_level info;')
--- pipelined_requests eval
["POST /hook/unknown\n$::Body", "POST /hook/data_updated\n$::Body"]
--- error_code eval
[404, 503]
--- response_body eval
[$::NoEvent, ::page('503 Service Temporarily Unavailable')]



=== TEST 3: auth_request is asked in addition, and only after the secret was right
--- config eval
::hook('/hook/', 'auth_request /auth;') . <<'END'
    location = /auth {
        if ($http_x_auth = 401) {
            return 401;
        }

        if ($http_x_auth = 403) {
            return 403;
        }

        return 204;
    }
END
--- request eval
[("POST /hook/data_updated\n$::Body") x 5, "POST /hook/data_updated\n{",
 "POST /hook/data_updated\n{", "POST /hook/unknown\n{"]
--- more_headers eval
[$::Headers, "$::Headers\nX-Auth: 403", "$::Headers\nX-Auth: 401",
 "$::Untyped\nX-Auth: 403", "$::Untyped\nX-Secret: wrong\nX-Auth: 403",
 $::Headers, "$::Headers\nX-Auth: 403", "$::Headers\nX-Auth: 403"]
--- error_code eval
[200, 403, 401, 401, 401, 400, 403, 404]
--- response_body eval
[$::Body, ::page('403 Forbidden'), ::page('401 Authorization Required'),
 $::Missing, $::Invalid, $::Bad, ::page('403 Forbidden'), $::NoEvent]
--- response_headers eval
[('!WWW-Authenticate') x 3, ('WWW-Authenticate: X-Secret') x 2,
 ('!WWW-Authenticate') x 3]



=== TEST 4: deny beside a right secret: both have to let it pass
--- config eval
::hook('/hook/', 'deny all;')
--- request eval
"POST /hook/data_updated\n$::Body"
--- error_code: 403
--- response_body eval
::page('403 Forbidden')
--- error_log
access forbidden by rule



=== TEST 5: allow beside a secret: the secret is judged
--- config eval
::hook('/hook/', 'allow all;')
--- request eval
[("POST /hook/data_updated\n$::Body") x 2]
--- more_headers eval
[$::Headers, $::Untyped]
--- error_code eval
[200, 401]
--- response_body eval
[$::Body, $::Missing]



=== TEST 6: deny beside a wrong secret: the secret is judged first
--- config eval
::hook('/hook/', 'deny all;')
--- request eval
["POST /hook/data_updated\n$::Body", "POST /hook/unknown\n$::Body"]
--- more_headers eval
$::Untyped
--- error_code eval
[401, 404]
--- response_body eval
[$::Missing, $::NoEvent]



=== TEST 7: satisfy any, and the address is not allowed: the secret decides
--- config eval
::hook('/hook/', 'satisfy any; deny all;')
--- request eval
[("POST /hook/data_updated\n$::Body") x 3, "POST /hook/data_updated\n{",
 "POST /hook/data_updated\n" . $::Body =~ s/acme/other/r, "GET /hook/data_updated",
 "POST /hook/unknown\n{"]
--- more_headers eval
[$::Headers, $::Untyped, "$::Untyped\nX-Secret: wrong", ($::Headers) x 4]
--- error_code eval
[200, 401, 401, 400, 403, 405, 404]
--- response_body eval
[$::Body, $::Missing, $::Invalid, $::Bad, $::Plugin, $::NoMethod, $::NoEvent]
--- response_headers eval
['!WWW-Authenticate', ('WWW-Authenticate: X-Secret') x 2,
 ('!WWW-Authenticate') x 4]



=== TEST 8: satisfy any, and the address is allowed: no secret is needed, the rest is judged
--- config eval
::hook('/hook/', 'satisfy any; allow all;
                  add_header X-Variables "' . $::Variables . '" always;')
--- request eval
[("POST /hook/data_updated\n$::Body") x 3,
 "POST /hook/data_updated\n" . $::Body =~ s/acme/other/r,
 "POST /hook/data_updated\n{", "GET /hook/data_updated",
 "POST /hook/unknown\n{", "POST /hook/data_updated\n" . $::Body =~ s/acme/other/r]
--- more_headers eval
[$::Headers, $::Untyped, "$::Untyped\nX-Secret: wrong", $::Untyped,
 ($::Untyped) x 3, $::Headers]
--- error_code eval
[200, 200, 200, 200, 400, 405, 404, 403]
--- response_body eval
[($::Body) x 3, $::Body =~ s/acme/other/r, $::Bad, $::NoMethod, $::NoEvent,
 $::Plugin]
--- response_headers eval
[("!WWW-Authenticate\nX-Variables: $::Kept") x 3,
 "!WWW-Authenticate\nX-Variables: [luzmo|data_updated||other|$::User]",
 "!WWW-Authenticate\nX-Variables: [luzmo|data_updated|invalid_json||]",
 "!WWW-Authenticate\nX-Variables: [luzmo|data_updated|method_not_allowed||]",
 "!WWW-Authenticate\nX-Variables: [luzmo||unknown_event||]",
 "!WWW-Authenticate\n"
 . "X-Variables: [luzmo|data_updated|wrong_plugin|other|$::User]"]



=== TEST 9: webhook_secret off grants nothing under satisfy any
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret off;
        satisfy any;
        deny all;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
["POST /hook/data_updated\n$::Body"]
--- error_code: 403
--- response_body eval
[::page('403 Forbidden')]
--- error_log
access forbidden by rule



=== TEST 10: auth_basic and satisfy any: one of the two is enough
--- config eval
::hook('/hook/', 'satisfy any; auth_basic "Staff"; auth_basic_user_file passwd;')
--- user_files
>>> ../conf/passwd
me:{PLAIN}word
--- request eval
[("POST /hook/data_updated\n$::Body") x 3, "POST /hook/data_updated\n{"]
--- more_headers eval
my $basic = 'Authorization: Basic bWU6d29yZA==';
[$::Headers, "$::Untyped\n$basic", "$::Untyped\nX-Secret: wrong\n$basic",
 "$::Untyped\n$basic"]
--- error_code eval
[200, 200, 200, 400]
--- response_body eval
[($::Body) x 3, $::Bad]
--- response_headers eval
[('!WWW-Authenticate') x 4]



=== TEST 11: auth_basic and satisfy any: neither, and both challenges are there
--- config eval
::hook('/hook/', 'satisfy any; auth_basic "Staff"; auth_basic_user_file passwd;')
--- user_files
>>> ../conf/passwd
me:{PLAIN}word
--- request eval
["POST /hook/data_updated\n$::Body"]
--- more_headers eval
$::Untyped
--- error_code: 401
--- response_body eval
$::Missing
--- raw_response_headers_like eval
qr/^WWW-Authenticate: X-Secret\r\nWWW-Authenticate: Basic realm="Staff"\r\n/m



=== TEST 12: auth_basic and satisfy all: nginx's own 401 for its own
--- config eval
::hook('/hook/', 'auth_basic "Staff"; auth_basic_user_file passwd;')
--- user_files
>>> ../conf/passwd
me:{PLAIN}word
--- request eval
[("POST /hook/data_updated\n$::Body") x 3]
--- more_headers eval
my $basic = 'Authorization: Basic bWU6d29yZA==';
["$::Headers\n$basic", $::Headers, "$::Untyped\n$basic"]
--- error_code eval
[200, 401, 401]
--- response_body eval
[$::Body, ::page('401 Authorization Required'), $::Missing]
--- response_headers eval
['!WWW-Authenticate', 'WWW-Authenticate: Basic realm="Staff"',
 'WWW-Authenticate: X-Secret']



=== TEST 13: satisfy any, and the last of three grants: no challenge is left over
--- config eval
::hook('/hook/', 'satisfy any; auth_basic "Staff"; auth_basic_user_file passwd;
                  auth_request /auth;') . <<'END'
    location = /auth {
        return 204;
    }
END
--- user_files
>>> ../conf/passwd
me:{PLAIN}word
--- request eval
["POST /hook/data_updated\n$::Body"]
--- more_headers eval
$::Untyped
--- error_code: 200
--- response_body eval
$::Body
--- response_headers
!X-Secret
--- raw_response_headers_unlike: X-Secret



=== TEST 14: auth_delay holds the answer to a wrong secret back
--- config eval
::hook('/hook/', 'auth_delay 150ms;')
--- pipelined_requests eval
[("POST /hook/data_updated\n$::Body") x 3]
--- more_headers eval
[$::Headers, "$::Untyped\nX-Secret: wrong", $::Headers]
--- error_code eval
[200, 401, 200]
--- response_body eval
[$::Body, $::Invalid, $::Body]



=== TEST 15: mirror gets the body and the variables of what was accepted
--- config eval
::hook('/hook/', 'mirror /copy;') . <<'END'
    location = /copy {
        internal;
        proxy_set_header X-Field "$webhook_event $webhook_field_slug";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2$request_uri;
    }
END
--- request eval
"POST /hook/data_updated\n$::Body"
--- error_code: 200
--- response_body eval
$::Body
--- wait: 0.1
--- access_log eval
"seen: POST /hook/data_updated [data_updated acme] $::Body"



=== TEST 16: mirror gets a large body out of its file
--- config eval
::hook('/hook/', 'mirror /copy; client_body_buffer_size 1k;') . <<'END'
    location = /copy {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2$request_uri;
    }
END
--- request eval
"POST /hook/data_updated\n" . $::Large =~ s/\n//gr
--- error_code: 200
--- response_body eval
$::Large =~ s/\n//gr
--- wait: 0.2
--- access_log eval
["seen: POST /hook/data_updated [] " . $::Large =~ s/\n//gr]
--- error_log
a client request body is buffered to a temporary file



=== TEST 17: mirror gets nothing of what was refused
--- config eval
::hook('/hook/', 'mirror /copy;') . <<'END'
    location = /copy {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2$request_uri;
    }
END
--- request eval
["POST /hook/data_updated\n{", "POST /hook/unknown\n$::Body",
 "POST /hook/data_updated\n" . $::Body =~ s/acme/other/r]
--- error_code eval
[400, 404, 403]
--- response_body eval
[$::Bad, $::NoEvent, $::Plugin]
--- wait: 0.1
--- no_access_log
seen:



=== TEST 18: a subrequest into a webhook location passes unjudged
--- config eval
::hook('/hook/', '')
. ::hook('/bare/', 'proxy_pass_request_body off;
                    proxy_set_header Content-Length "";') . <<'END'
    location /asks/ {
        auth_request /bare/data_updated;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /asks2/ {
        auth_request /bare/unknown;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /mirrors/ {
        mirror /hook/data_updated;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
END
--- request eval
["POST /asks/x\n{", "POST /asks2/x\n{", "POST /mirrors/x\n{"]
--- more_headers
--- error_code eval
[200, 200, 200]
--- response_body eval
['{', '{', '{']
--- no_error_log
refused
[error]
[crit]



=== TEST 19: subrequests of a webhook location into others: the event is judged once
--- config eval
my $field = 'proxy_set_header X-Field "' . $::Variables . '";';
my $pass = 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;';

::hook('/hook/', 'mirror /copy/unknown; auth_request /bare/unknown;')
. ::hook('/copy/', $field, $pass)
. ::hook('/bare/', $field . 'proxy_pass_request_body off;
                             proxy_set_header Content-Length "";', $pass)
--- request eval
"POST /hook/data_updated\n$::Body"
--- error_code: 200
--- response_body eval
$::Body
--- wait: 0.1
--- access_log eval
["seen: POST /copy/unknown [$::Kept] $::Body",
 "seen: GET /bare/unknown [[luzmo|data_updated|||]] "]
--- no_error_log
refused
[error]
[crit]



=== TEST 20: error_page 502 = @fallback: body and variables are still there
--- config eval
::hook('/hook/', 'error_page 502 = @fallback;',
       'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;')
. 'location @fallback {
       add_header X-Variables "' . $::Variables . '";
       proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
   }'
--- request eval
"POST /hook/data_updated\n$::Body"
--- error_code: 200
--- response_headers eval
"X-Variables: $::Kept"
--- response_body eval
$::Body
--- error_log
connect() failed



=== TEST 21: the same, with a large body in a file
--- config eval
::hook('/hook/', 'error_page 502 = @fallback; client_body_buffer_size 1k;',
       'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;')
. 'location @fallback {
       proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
   }'
--- request eval
"POST /hook/data_updated\n$::Large"
--- error_code: 200
--- response_body eval
$::Large
--- error_log
connect() failed



=== TEST 22: try_files runs after the judgement, and a named location after it
--- config eval
::hook('/hook/', 'try_files /none @app;')
. 'location @app {
       add_header X-Variables "' . $::Variables . '";
       proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
   }'
--- request eval
["POST /hook/data_updated\n$::Body", "POST /hook/data_updated\n{"]
--- error_code eval
[200, 400]
--- response_headers eval
["X-Variables: $::Kept", '!X-Variables']
--- response_body eval
[$::Body, $::Bad]



=== TEST 23: rewrite into a webhook location, and inside one
--- config eval
::hook('/hook/', '') . ::hook('/inside/', 'rewrite ^/inside/(.*) /x/$1 break;')
. ::hook('/renames/', 'rewrite ^ /x/data_updated break;') . <<'END'
    location /old/ {
        rewrite ^/old/(.*) /hook/$1 last;
    }
END
--- request eval
["POST /old/data_updated\n$::Body", "POST /old/data_updated\n{",
 "POST /old/unknown\n{", "POST /inside/data_updated\n$::Body",
 "POST /renames/whatever\n$::Body"]
--- error_code eval
[200, 400, 404, 200, 200]
--- response_body eval
[$::Body, $::Bad, $::NoEvent, $::Body, $::Body]



=== TEST 24: X-Accel-Redirect to a location and to a named one: the variables are kept
--- config eval
::hook('/hook/', '', 'proxy_set_header X-Accel $http_x_to;
                      proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/accel/;')
. 'location = /inner {
       internal;
       return 200 "$request_method ' . $::Variables . '";
   }

   location @inner {
       add_header X-Variables "$request_method ' . $::Variables . '";
       proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
   }'
--- request eval
["POST /hook/data_updated\n$::Body", "POST /hook/data_updated\n$::Body"]
--- more_headers eval
["$::Headers\nX-To: /inner", "$::Headers\nX-To: \@inner"]
--- error_code eval
[200, 200]
--- response_headers eval
['!X-Variables', "X-Variables: POST $::Kept"]
--- response_body eval
["GET $::Kept", $::Body]



=== TEST 25: a webhook location that a redirect leads to judges again
--- config eval
::hook('/hook/', 'error_page 502 = @second;',
       'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;')
. 'location @second {
       webhook luzmo;
       webhook_secret right slug=other;
       add_header X-Variables "' . $::Variables . '" always;
       proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
   }'
--- request eval
["POST /hook/data_updated\n$::Body"]
--- error_code: 403
--- response_headers eval
"X-Variables: [luzmo|data_updated|wrong_plugin|acme|$::User]"
--- response_body eval
$::Plugin
--- error_log
connect() failed



=== TEST 26: a webhook location after another has read the body: in memory
--- config eval
'location /plain/ {
     mirror /mirror;
     error_page 404 = @hook;
     log_not_found off;
 }

 location = /mirror {
     return 204;
 }
' . ::hook('@hook', '')
--- request eval
["POST /plain/data_updated\n$::Body", "POST /plain/data_updated\n{",
 "POST /plain/data_updated", "POST /plain/unknown\n$::Body",
 "POST /plain/data_updated\n" . $::Body =~ s/acme/other/r]
--- error_code eval
[200, 400, 400, 404, 403]
--- response_body eval
[$::Body, $::Bad, ::luzmo('empty_body'), $::NoEvent, $::Plugin]



=== TEST 27: a webhook location after another has read the body: in a file
--- config eval
'location /plain/ {
     client_body_buffer_size 1k;
     mirror /mirror;
     error_page 404 = @hook;
     log_not_found off;
 }

 location /file/ {
     client_body_in_file_only on;
     mirror /mirror;
     error_page 404 = @hook;
     log_not_found off;
 }

 location = /mirror {
     return 204;
 }
' . ::hook('@hook', '')
--- request eval
["POST /plain/data_updated\n$::Large",
 "POST /plain/data_updated\n$::Large,",
 "POST /file/data_updated\n$::Body",
 "POST /file/data_updated\n{"]
--- error_code eval
[200, 400, 200, 400]
--- response_body eval
[$::Large, $::Bad =~ s/1\}$/length($::Large) . '}'/er, $::Body, $::Bad]



=== TEST 28: a webhook location after the body went to an upstream that failed
--- config eval
'location /plain/ {
     client_body_buffer_size 1k;
     error_page 502 503 = @hook;
     proxy_intercept_errors on;
     proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/status/503/;
 }

 location /unbuffered/ {
     client_body_buffer_size 16k;
     proxy_request_buffering off;
     error_page 502 503 = @hook;
     proxy_intercept_errors on;
     proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/status/503/;
 }
' . ::hook('@hook', '')
--- request eval
["POST /plain/data_updated\n$::Large", "POST /plain/data_updated\n{",
 "POST /unbuffered/data_updated\n$::Body", "POST /unbuffered/data_updated\n{"]
--- error_code eval
[200, 400, 200, 400]
--- response_body eval
[$::Large, $::Bad, $::Body, $::Bad]



=== TEST 29: nested locations inherit a webhook, and may end it
--- config eval
::hook('/hook/', '
    location /hook/in/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /hook/own/ {
        webhook_secret theirs;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /hook/off/ {
        webhook off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }')
--- request eval
["POST /hook/in/data_updated\n$::Body", "POST /hook/in/data_updated\n{",
 "POST /hook/own/data_updated\n$::Body", "POST /hook/own/data_updated\n$::Body",
 "POST /hook/off/x\n{"]
--- more_headers eval
[$::Headers, $::Headers, $::Headers, "$::Untyped\nX-Secret: theirs", '']
--- error_code eval
[200, 400, 401, 200, 200]
--- response_body eval
[$::Body, $::Bad, $::Invalid, $::Body, '{']



=== TEST 30: a return in the same location answers first
--- config eval
::hook('/hook/', 'return 200 "' . $::Variables . '";')
--- request eval
"POST /hook/unknown\n{"
--- more_headers
--- error_code: 200
--- response_body chop
[luzmo||||]



=== TEST 31: limit_except inherits the webhook, which judges the method first
--- config eval
::hook('/hook/', 'limit_except POST { deny all; }')
. ::hook('/except/', 'limit_except GET { deny all; }')
. ::hook('/except2/', 'limit_except GET { allow all; }')
--- request eval
["POST /hook/data_updated\n$::Body", "GET /hook/data_updated",
 "POST /except/data_updated\n{", "POST /except2/data_updated\n$::Body",
 "POST /except2/data_updated\n{"]
--- more_headers eval
[$::Headers, $::Headers, $::Untyped, $::Headers, $::Headers]
--- error_code eval
[200, 405, 401, 200, 400]
--- response_body eval
[$::Body, $::NoMethod, $::Missing, $::Body, $::Bad]



=== TEST 32: "if" in the location inherits the webhook
--- config eval
::hook('/hook/', '
    if ($http_x_if) {
        set $x 1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    if ($http_x_return) {
        return 200 "returned";
    }')
--- request eval
["POST /hook/data_updated\n$::Body", "POST /hook/data_updated\n{",
 "POST /hook/data_updated\n{", "POST /hook/data_updated\n{"]
--- more_headers eval
["$::Headers\nX-If: 1", "$::Headers\nX-If: 1", "$::Untyped\nX-If: 1",
 "X-Return: 1"]
--- error_code eval
[200, 400, 401, 200]
--- response_body eval
[$::Body, $::Bad, $::Missing, 'returned']



=== TEST 33: error_page to a named location, a path and an address elsewhere
--- config eval
::hook('/named/', 'error_page 400 401 403 404 405 =299 @refused;')
. ::hook('/path/', 'error_page 400 401 403 404 405 /refused;')
. ::hook('/away/', 'error_page 400 401 403 404 405 http://away/;')
. 'location @refused {
       return 299 "$request_method ' . $::Variables . '";
   }

   location = /refused {
       return 200 "$request_method ' . $::Variables . '";
   }'
--- request eval
[map { my $path = $_;
       "POST /$path/data_updated\n{", "POST /$path/data_updated\n{",
       "POST /$path/data_updated\n" . $::Body =~ s/acme/other/r,
       "POST /$path/unknown\n{", "PUT /$path/data_updated\n{" }
     qw(named path away)]
--- more_headers eval
[($::Headers, $::Untyped, ($::Headers) x 3) x 3]
--- error_code eval
[(299) x 5, 400, 401, 403, 404, 405, (302) x 5]
--- response_headers eval
[('!Location', 'WWW-Authenticate: X-Secret', ('!Location') x 2, 'Allow: POST') x 2,
 ('Location: http://away/') x 5]
--- response_body eval
my @refused = ('[luzmo|data_updated|invalid_json||]',
               '[luzmo|data_updated|missing_secret||]',
               "[luzmo|data_updated|wrong_plugin|other|$::User]",
               '[luzmo||unknown_event||]',
               '[luzmo|data_updated|method_not_allowed||]');
[(map { "POST $_" } @refused[0 .. 3]), "PUT $refused[4]",
 (map { "GET $_" } @refused), (::page('302 Found')) x 5]



=== TEST 34: error_page to a proxied named location, which gets the refused body
--- config eval
::hook('/hook/', 'error_page 400 401 = @refused;')
. 'location @refused {
       proxy_set_header X-Reason $webhook_reason;
       proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
   }'
--- request eval
["POST /hook/data_updated\n{]", "POST /hook/data_updated\n{]"]
--- more_headers eval
[$::Headers, $::Untyped]
--- error_code eval
[200, 200]
--- response_body eval
['{]', '{]']



=== TEST 35: what the upstream answers to an accepted event is the answer, errors too
--- config eval
CORE::join '', map { ::hook("/$_/", '', 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/status/' . "$_/;") }
             400, 401, 403, 404, 405, 500
--- request eval
[map { "POST /$_/data_updated\n$::Body" } 400, 401, 403, 404, 405, 500]
--- error_code eval
[400, 401, 403, 404, 405, 500]
--- response_body eval
[map { "upstream $_\n" } 400, 401, 403, 404, 405, 500]



=== TEST 36: an error of nginx's own after an event was accepted: nginx's page
--- config eval
::hook('/hook/', 'satisfy any; allow all;', 'root html; log_not_found off;')
--- request eval
["POST /hook/data_updated\n$::Body"]
--- more_headers eval
$::Untyped
--- error_code: 404
--- response_headers
Content-Type: text/html
!WWW-Authenticate
--- response_body eval
::page('404 Not Found')



=== TEST 37: locations without a webhook are left alone
--- config eval
::hook('/hook/', '') . <<'END'
    location /other/ {
        webhook_secret right;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /off/ {
        webhook off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
END
--- request eval
["POST /other/x\n{", "POST /off/x\n{"]
--- more_headers
--- error_code eval
[200, 200]
--- response_body eval
['{', '{']



=== TEST 38: post_action of an accepted and of a refused event
--- config eval
::hook('/hook/', 'post_action @done;')
. 'location @done {
       proxy_set_header X-Field "' . $::Variables . '";
       proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
   }'
--- request eval
["POST /hook/data_updated\n$::Body"]
--- error_code: 200
--- response_body eval
$::Body
--- wait: 0.1
--- access_log eval
"seen: POST /hook/data_updated [$::Kept] $::Body"



=== TEST 39: filters that copy, and a browser that nginx pads its pages for
--- config eval
::hook('/hook/', 'charset windows-1251; source_charset koi8-r;
                  charset_types application/json;')
--- pipelined_requests eval
["POST /hook/data_updated\n{", "POST /hook/data_updated\n{",
 "POST /hook/data_updated\n$::Body"]
--- more_headers eval
"$::Headers\nUser-Agent: Mozilla/5.0 (compatible; MSIE 8.0; Windows NT 5.1)"
--- error_code eval
[400, 400, 200]
--- response_body eval
[$::Bad, $::Bad, $::Body]



=== TEST 40: satisfy any, and another module grants: nothing was refused
--- config eval
::hook('/hook/', 'satisfy any; auth_basic "Staff"; auth_basic_user_file passwd;')
--- user_files
>>> ../conf/passwd
me:{PLAIN}word
--- request eval
[("POST /hook/data_updated\n$::Body") x 2]
--- more_headers eval
my $basic = 'Authorization: Basic bWU6d29yZA==';
["$::Untyped\n$basic", "$::Untyped\nX-Secret: wrong\n$basic"]
--- error_code eval
[200, 200]
--- response_body eval
[($::Body) x 2]
--- wait: 0.1
--- no_error_log
refused
[error]
[crit]



=== TEST 41: satisfy any, another module grants, and the payload is refused: that alone
--- config eval
::hook('/hook/', 'satisfy any; allow all;')
--- request eval
"POST /hook/data_updated\n{"
--- more_headers eval
$::Untyped
--- error_code: 400
--- response_body eval
$::Bad
--- wait: 0.1
--- grep_error_log eval
qr/refused: \w+/
--- grep_error_log_out
refused: invalid_json



=== TEST 42: satisfy any, and nobody grants: refused, once
--- config eval
::hook('/hook/', 'satisfy any; deny all;')
--- request eval
"POST /hook/data_updated\n$::Body"
--- more_headers eval
"$::Untyped\nX-Secret: wrong"
--- error_code: 401
--- response_body eval
$::Invalid
--- wait: 0.1
--- grep_error_log eval
qr/\[info\] .*webhook luzmo refused: \w+, client: \S+, server: \S+, request: "\w+ \S+/
--- grep_error_log_out eval
qr{^\[info\] \S+ \*\d+ webhook luzmo refused: invalid_secret, client: 127\.0\.0\.1, server: localhost, request: "POST /hook/data_updated\n\z}



=== TEST 43: the same with a page of one's own
--- config eval
::hook('/hook/', 'satisfy any; deny all; error_page 401 =200 /own;') . <<'END'
    location = /own {
        return 200 "own $webhook_reason\n";
    }
END
--- request eval
"POST /hook/data_updated\n$::Body"
--- more_headers eval
$::Untyped
--- error_code: 200
--- response_body
own missing_secret
--- wait: 0.1
--- grep_error_log eval
qr/refused: \w+/
--- grep_error_log_out
refused: missing_secret



=== TEST 44: satisfy any, and another module fails: that is no refusal
--- config eval
::hook('/hook/', 'satisfy any; auth_request /auth;') . <<'END'
    location = /auth {
        return 500;
    }
END
--- request eval
["POST /hook/data_updated\n$::Body"]
--- more_headers eval
$::Untyped
--- error_code: 500
--- response_body eval
::page('500 Internal Server Error')
--- error_log
auth request unexpected status: 500
--- no_error_log
refused: missing_secret
[crit]



=== TEST 45: a body that went to an upstream as it arrived can't be checked
--- config eval
'location /plain/ {
     proxy_request_buffering off;
     proxy_http_version 1.1;
     error_page 502 503 = @hook;
     proxy_intercept_errors on;
     proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/status/503/;
 }
' . ::hook('@hook', '')
--- request eval
"POST /plain/data_updated\n$::Large"
--- error_code: 500
--- response_body eval
::page('500 Internal Server Error')
--- error_log
webhook luzmo can't check a body that another location has discarded, or passed on without keeping it



=== TEST 46: a refused request that error_page hands to a handler is told of once
--- config eval
'error_page 404 = @app;

 location @app {
     add_header X-Reason $webhook_reason;
     proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
 }
' . ::hook('/hook/', '')
--- request eval
"POST /hook/unknown\n{"
--- error_code: 200
--- response_headers
X-Reason: unknown_event
--- log_level: warn
--- grep_error_log eval
qr/webhook luzmo refused: unknown_event, but "error_page" leads the request to location "\@app", whose handler gets it all the same/
--- grep_error_log_out eval
[qr/^webhook luzmo refused: [^\n]*\n$/, '']
