use lib 't/lib';
use WebhookTest 'no_plan';

# What nginx says at configuration to what loads, and can't do what it is there
# for; and which of two directives wins.

use Answers qw(echo luzmo lenra);
use LuzmoEvent qw($Body);

our $Upstream = echo();
our $App = '8a1a7c1f-6f0c-4c8e-9c7e-0f3c2b1a4d5e';
our $Other = '1d6a2b3c-77aa-4f0e-8b1d-3c5e7f901234';

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $Upstream . ($block->http_config // ''));
});

no_shuffle();
run_tests();

__DATA__

=== TEST 1: return beside webhook
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret right;
        return 204;
    }
--- request
GET /hook/
--- error_code: 204
--- error_log eval
qr{\[warn\] .*"return" in location "/hook/" answers before "webhook luzmo" in \S+:\d+ checks anything}



=== TEST 2: return within "if" may be meant
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret right;

        if ($request_method = GET) {
            return 204;
        }

        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request
GET /hook/
--- error_code: 204
--- no_error_log
[warn]



=== TEST 3: nothing takes an accepted event
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret right;
    }
--- request
GET /hook/data_updated
--- error_code: 405
--- error_log eval
qr{\[warn\] .*location "/hook/" with "webhook luzmo" in \S+:\d+ has nothing that takes an accepted event}



=== TEST 4: a location that only has others in it, and what answers itself
--- http_config
    webhook_zone zone=webhooks:1m;
    webhook_status_zone zone=status:128k;
--- config eval
"location /hook/ {
     webhook luzmo;
     webhook_secret right;

     location /hook/in/ {
         proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1;
     }
 }

 location /app/ {
     webhook lenra zone=webhooks;
     webhook_app $::App environment=1 token=t;
 }

 location = /hook/at/data_updated {
     webhook luzmo;
     webhook_secret right;
     proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1;
 }

 location = /status {
     webhook_status zone=status;
 }"
--- request eval
"POST /hook/at/data_updated\n$::Body"
--- more_headers
X-Secret: right
Content-Type: application/json
--- response_body eval
$::Body
--- no_error_log
[warn]



=== TEST 5: an exact location whose name is no event
--- config
    location = /luzmo {
        webhook luzmo;
        webhook_secret right;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request
POST /luzmo
--- error_code: 404
--- response_body eval
::luzmo('unknown_event')
--- error_log eval
qr{\[warn\] .*location "= /luzmo" with "webhook luzmo" in \S+:\d+ can answer 404 only}



=== TEST 6: webhook_dedup of a member that no payload has
--- http_config
    webhook_dedup_zone zone=seen:1m;
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret right;
        webhook_dedup $webhook_event:$webhook_field_kye zone=seen;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- must_die
--- error_log eval
qr{"webhook_dedup" in \S+:\d+ has "\$webhook_field_kye", which is always empty with "webhook luzmo" in \S+:\d+}



=== TEST 7: webhook_dedup of a member, where no payload is looked into
--- http_config
    webhook_dedup_zone zone=seen:1m;
--- config
    location /hook {
        webhook signed;
        webhook_signature github hush;
        webhook_dedup $webhook_field_id zone=seen;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- must_die
--- error_log eval
qr{has "\$webhook_field_id", which is always empty with "webhook signed" in}



=== TEST 8: webhook_dedup of a nested member
--- http_config
    webhook_dedup_zone zone=seen:1m;
--- config
    location /hook {
        webhook munity;
        webhook_secret right;
        webhook_dedup $webhook_field_workspace_id:$webhook_field_payload_id
                      zone=seen;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request
GET /hook
--- error_code: 405
--- no_error_log
[warn]



=== TEST 9: webhook_app and webhook_identity at one level
--- config eval
"location /app/ {
     webhook_app $::App environment=1 token=hush;
     webhook_identity app=\$arg_app environment=1;
 }"
--- must_die
--- error_log
"webhook_identity" directive is used beside "webhook_app" in



=== TEST 10: the same the other way round
--- config eval
"location /app/ {
     webhook_identity app=\$arg_app environment=1;
     webhook_app $::App environment=1 token=hush;
 }"
--- must_die
--- error_log
"webhook_app" directive is used beside "webhook_identity" in



=== TEST 11: of webhook_app and webhook_identity the nearer one says who asks
--- http_config eval
"webhook_zone zone=webhooks:1m;
webhook_app $::App environment=1 token=t0k3n;"
--- config eval
"location /identity/ {
     webhook lenra zone=webhooks;
     webhook_identity app=\$arg_app environment=2;

     location /identity/app/ {
         webhook_app $::App environment=3 token=other;
     }
 }

 location /app/ {
     webhook lenra zone=webhooks;
 }"
--- request eval
[map { "POST $_\n{\"action\":\"a\"}" }
     '/app/webhooks', "/identity/x/app/webhooks?app=$::Other",
     '/identity/x/app/webhooks', '/identity/app/webhooks',
     "/identity/app/webhooks?app=$::Other"]
--- more_headers eval
[map { "Content-Type: application/json\n$_" }
     "Authorization: Bearer t0k3n\n", "Authorization: Bearer t0k3n\n",
     "Authorization: Bearer t0k3n\n", "Authorization: Bearer other\n",
     "Authorization: Bearer t0k3n\n"]
--- error_code eval
[200, 200, 401, 200, 401]
--- response_body_like eval
[qr/"environment_id":1,/, qr/"environment_id":2,/,
 '^' . quotemeta(::lenra(401, 'You are not authenticated', 'unauthenticated')),
 qr/"environment_id":3,/,
 '^' . quotemeta(::lenra(401, 'Your token is invalid.', 'invalid_token'))]



=== TEST 12: tokens from a file and from a variable
--- http_config
    webhook_zone zone=webhooks:1m;
    map $arg_tenant $token {
        a        of-a;
        default  "";
    }
--- config eval
"location /app/ {
     webhook lenra zone=webhooks;
     webhook_app $::App environment=1 token_file=../html/tokens;
     webhook_app $::App environment=2 token=\$token;
 }"
--- user_files
>>> tokens
first
second
--- request eval
[map { "POST /app/webhooks?tenant=$_\n{\"action\":\"a\"}" } qw(x x a x x)]
--- more_headers eval
[map { "Content-Type: application/json\nAuthorization: Bearer $_\n" }
     'first', 'second', 'of-a', 'of-a', '$token']
--- error_code eval
[200, 200, 200, 401, 401]
--- response_body_like eval
[(qr/"environment_id":1,/) x 2, qr/"environment_id":2,/, (qr/invalid_token/) x 2]



=== TEST 13: what no location uses, at several levels and beside other systems
--- http_config eval
"webhook_secret_header X-Http;\n"
. "webhook_app $::App environment=1 token=hush;\n"
. "webhook_dedup_zone zone=d:1m;\n"
. "webhook_endpoint_allow 10.0.0.0/8;\n"
. 'webhook_status_zone zone=s:64k;'
--- config
    webhook_dedup $webhook_id zone=d;

    location = /plain {
        webhook_signature github hush;
        webhook_endpoint_deny 192.0.2.0/24 198.51.100.0/24;
        return 204;
    }

    location = /api {
        webhook_api;
        webhook_secret off;
        webhook_signature github hush;
    }

    location = /status {
        webhook_status zone=s;
        webhook_signature slack hush;
    }

    location = /identity {
        webhook_identity app=$arg_app environment=1;
    }
--- request
GET /plain
--- error_code: 204
--- error_log eval
[map { qr{\[warn\] .*"webhook_$_" in \S+:\d+ has no effect: no location } }
     'secret_header', 'app', 'dedup', 'identity', 'endpoint_allow',
     'endpoint_deny']
--- grep_error_log eval
qr/\[warn\] .*?"webhook_signature" in \S+:\d+ protects nothing/
--- grep_error_log_out eval
qr/^(?:\[warn\] .*protects nothing\n){3}$/



=== TEST 14: what a location uses, set where others do not, is no warning
--- http_config eval
"webhook_app $::App environment=1 token=hush;\n"
. "webhook_zone zone=z:1m;\n"
. 'webhook_dedup_zone zone=d:1m;'
--- config
    webhook_secret right;
    webhook_secret_header X-Http;
    webhook_signature github hush;
    webhook_dedup $webhook_id zone=d;

    location = /plain {
        webhook_signature off;
        return 204;
    }

    location /hook/ {
        webhook luzmo;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /app/ {
        webhook lenra zone=z;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request
GET /plain
--- error_code: 204
--- no_error_log
[warn]



=== TEST 15: what every location that could use it has set anew
--- http_config
    webhook_dedup_zone zone=d:1m;
--- config
    webhook_secret right;
    webhook_signature github hush;
    webhook_dedup $webhook_id zone=d;

    location /hook/ {
        webhook luzmo;
        webhook_secret off;
        webhook_signature off;
        webhook_dedup off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /hook/data_updated\n$::Body"
--- more_headers
Content-Type: application/json
--- error_code: 200
--- error_log eval
[qr{\[warn\] .*"webhook_secret" in \S+:\d+ protects nothing},
 qr{\[warn\] .*"webhook_signature" in \S+:\d+ protects nothing},
 qr{\[warn\] .*"webhook_dedup" in \S+:\d+ has no effect}]



=== TEST 16: a header of secrets that nginx ignores
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret right;
        webhook_secret_header X_Token;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /hook/data_updated\n$::Body"
--- more_headers
Content-Type: application/json
X_Token: right
--- error_code: 401
--- response_body eval
::luzmo('missing_secret')
--- error_log eval
qr{\[warn\] .*"webhook_secret_header X_Token" is used in the location of \S+:\d+, but}



=== TEST 17: the same where nginx takes it
--- config
    underscores_in_headers on;

    location /hook/ {
        webhook luzmo;
        webhook_secret right;
        webhook_secret_header X_Token;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /hook/data_updated\n$::Body"
--- more_headers
Content-Type: application/json
X_Token: right
--- error_code: 200
--- no_error_log
[warn]



=== TEST 18: api= where the status has no page and no JSON
--- http_config
    webhook_status_zone zone=s:64k;
--- config
    location = /status {
        webhook_status zone=s prometheus api=/api;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_status" directive has "api=", which "prometheus" does not show in \S+:\d+}



=== TEST 19: return beside webhook lenra
--- http_config
    webhook_zone zone=webhooks:1m;
--- config eval
"location /hook/ {
     webhook lenra zone=webhooks;
     webhook_app $::App environment=1 token=t;
     return 204;
 }"
--- request
GET /hook/
--- error_code: 204
--- error_log eval
qr{\[warn\] .*"return" in location "/hook/" answers before "webhook lenra" in \S+:\d+ checks anything}



=== TEST 20: nothing takes the triggers of webhook lenra
--- http_config
    webhook_zone zone=webhooks:1m;
--- config eval
"location /hook/ {
     webhook lenra zone=webhooks;
     webhook_app $::App environment=1 token=t;
 }"
--- request
GET /hook/app/webhooks
--- error_code: 401
--- error_log eval
qr{\[warn\] .*location "/hook/" with "webhook lenra" in \S+:\d+ has nothing that takes an accepted event}



=== TEST 21: webhook_dedup of a member, with webhook lenra
--- http_config
    webhook_zone zone=webhooks:1m;
    webhook_dedup_zone zone=seen:1m;
--- config eval
"location /hook/ {
     webhook lenra zone=webhooks;
     webhook_app $::App environment=1 token=t;
     webhook_dedup \$webhook_field_typo zone=seen;
     proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1;
 }"
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_dedup" in \S+:\d+ has "\$webhook_field_typo", which is always empty with "webhook lenra" in \S+:\d+}



=== TEST 22: return after an "if"
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret right;

        if ($request_method = PUT) {
            return 405;
        }

        return 204;
    }
--- request
GET /hook/
--- error_code: 204
--- error_log eval
qr{\[warn\] .*"return" in location "/hook/" answers before "webhook luzmo" in}



=== TEST 23: return that an "if" or a "rewrite" leads past
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret right;

        if ($request_method = POST) {
            break;
        }

        return 204;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /other/ {
        webhook luzmo;
        webhook_secret right;

        rewrite ^/other/(data_updated)$ /hook/$1 break;
        return 204;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
["POST /hook/data_updated\n$::Body", "POST /other/data_updated\n$::Body"]
--- more_headers eval
[("X-Secret: right\nContent-Type: application/json\n") x 2]
--- response_body eval
[($::Body) x 2]
--- error_code eval
[200, 200]
--- no_error_log
[warn]



=== TEST 24: return beside webhook_deliver
--- http_config eval
"webhook_queue_path $ENV{TEST_NGINX_SERVROOT}/logs/queue queue=q;"
--- config
    location @deliver {
        webhook_deliver q;
        return 200;
        proxy_pass http://127.0.0.1:1;
    }
--- request
GET /none
--- error_code: 404
--- error_log eval
[qr{\[warn\] .*"return" in location "\@deliver" answers before "webhook_deliver" in \S+:\d+ sends anything}, qr{\[error\]}]



=== TEST 25: what answers itself, beside another content handler
--- http_config eval
"webhook_zone zone=webhooks:1m;
 webhook_status_zone zone=status:128k;"
--- config
    location /status {
        webhook_status zone=status;
        proxy_pass http://127.0.0.1:1;
    }

    location /api {
        webhook_api;
        webhook_secret hush;
        proxy_pass http://127.0.0.1:1;
    }

    location /endpoints {
        webhook_endpoints zone=webhooks ports=1-65535;
        webhook_secret hush;
        proxy_pass http://127.0.0.1:1;
    }

    location /gone {
        webhook_api;
        webhook_secret hush;
        return 410;
    }
--- request
GET /gone
--- error_code: 410
--- error_log eval
[(map { qr{\[warn\] .*location "/$_" with "webhook_$_" in \S+:\d+ has a content handler, such as "proxy_pass", that never gets a request} } qw(status api endpoints)),
qr{\[warn\] .*"return" in location "/gone" answers before "webhook_api" in}]



=== TEST 26: try_files takes an accepted event
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret right;
        try_files /none @app;
    }

    location @app {
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /hook/data_updated\n$::Body"
--- more_headers
X-Secret: right
Content-Type: application/json
--- response_body eval
$::Body
--- no_error_log
[warn]



=== TEST 27: webhook_dedup of the event's name, where events have none
--- http_config
    webhook_dedup_zone zone=seen:1m;
--- config
    location /hook {
        webhook signed;
        webhook_signature github hush;
        webhook_dedup $webhook_event zone=seen;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*has "\$webhook_event", which is always empty with "webhook signed" in}



=== TEST 28: webhook_dedup of what only webhook lenra has
--- http_config
    webhook_dedup_zone zone=seen:1m;
--- config
    location /hook {
        webhook munity;
        webhook_secret right;
        webhook_dedup $webhook_app$webhook_action zone=seen;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*has "\$webhook_app", which is always empty with "webhook munity" in}



=== TEST 29: webhook_dedup of what only a delivery has
--- http_config
    webhook_dedup_zone zone=seen:1m;
--- config
    location /hook {
        webhook munity;
        webhook_secret right;
        webhook_dedup $webhook_attempt zone=seen;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*has "\$webhook_attempt", which is always empty with "webhook munity" in}



=== TEST 30: webhook_dedup of the reason, which an accepted event does not have
--- http_config
    webhook_dedup_zone zone=seen:1m;
--- config
    location /hook {
        webhook munity;
        webhook_secret right;
        webhook_dedup $webhook_reason zone=seen;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*has "\$webhook_reason", which is always empty with "webhook munity" in}



=== TEST 31: a key that is inherited where it would be empty
--- http_config
    webhook_dedup_zone zone=seen:1m;
    webhook_dedup all:$webhook_field_payload_id zone=seen;
--- config
    location /munity {
        webhook munity;
        webhook_secret right;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /hook/ {
        webhook luzmo;
        webhook_secret right;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
["POST /hook/data_updated\n$::Body", "POST /hook/data_updated\n$::Body"]
--- more_headers eval
[("X-Secret: right\nContent-Type: application/json\n") x 2]
--- response_body eval
[($::Body) x 2]
--- error_code eval
[200, 200]



=== TEST 32: nginx says so
--- http_config
    webhook_dedup_zone zone=seen:1m;
    webhook_dedup all:$webhook_field_payload_id zone=seen;
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret right;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request
GET /hook/data_updated
--- error_code: 405
--- error_log eval
qr{\[warn\] .*"webhook_dedup" in \S+:\d+ has "\$webhook_field_payload_id", which is always empty with "webhook luzmo" in \S+:\d+: nothing is deduplicated there}
