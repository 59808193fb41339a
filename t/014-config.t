use lib 't/lib';
use WebhookTest 'no_plan';

# What nginx -t says to a configuration that can't be meant, and how secrets
# are inherited.  What may be a secret never shows.

use Answers qw(luzmo);
use LuzmoEvent qw($Body);

our $Missing = luzmo('missing_secret');
our $Invalid = luzmo('invalid_secret');

# In each configuration that has to fail, hush marks what may be a secret.
add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('request', 'GET /') unless defined $block->request;
    $block->set_value('no_error_log', ['hush', '[alert]'])
        if defined $block->must_die;
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: webhook luzmo without a secret
--- config
    location /hook/ {
        webhook luzmo;
    }
--- must_die
--- error_log eval
qr{\[emerg\] \d+#\d+: "webhook luzmo" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in \S+/conf/nginx\.conf:\d+$}



=== TEST 2: webhook munity without a secret
--- config
    location /hook/ {
        webhook munity unknown=pass;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook munity" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in \S+/conf/nginx\.conf:\d+$}



=== TEST 3: the secret of another location is none of this one
--- config
    location /hook/ {
        webhook luzmo;
    }
    location /other/ {
        webhook_secret hush;
    }
--- must_die
--- error_log
"webhook luzmo" needs "webhook_secret"



=== TEST 4: the secret of a nested location is none of the outer one
--- config
    location /hook/ {
        webhook luzmo;
        location /hook/in/ {
            webhook_secret hush;
        }
    }
--- must_die
--- error_log
"webhook luzmo" needs "webhook_secret"



=== TEST 5: the file and the line are those of the directive
--- config
    location /hook/ {
        include ../html/hook.conf;
    }
--- user_files
>>> hook.conf
# one
# two
webhook luzmo;
# four
--- must_die
--- error_log eval
qr{"webhook luzmo" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in \S+/html/hook\.conf:3$}



=== TEST 6: webhook of nothing
--- config
    location /hook/ {
        webhook;
        webhook_secret off;
    }
--- must_die
--- error_log eval
qr{invalid number of arguments in "webhook" directive in \S+/conf/nginx\.conf:\d+$}



=== TEST 7: webhook of an unknown system
--- config
    location /hook/ {
        webhook luzmoo;
        webhook_secret off;
    }
--- must_die
--- error_log eval
qr{unknown webhook system "luzmoo" in \S+/conf/nginx\.conf:\d+$}



=== TEST 8: names of systems are in lower case
--- config
    location /hook/ {
        webhook Luzmo;
        webhook_secret off;
    }
--- must_die
--- error_log
unknown webhook system "Luzmo" in



=== TEST 9: webhook of an empty name
--- config
    location /hook/ {
        webhook "";
        webhook_secret off;
    }
--- must_die
--- error_log
unknown webhook system "" in



=== TEST 10: webhook luzmo has no parameters
--- config
    location /hook/ {
        webhook luzmo unknown=pass;
        webhook_secret off;
    }
--- must_die
--- error_log
invalid parameter "unknown=pass" of "webhook luzmo" in



=== TEST 11: webhook munity with a wrong parameter
--- config
    location /hook/ {
        webhook munity unknown=maybe;
        webhook_secret off;
    }
--- must_die
--- error_log
invalid parameter "unknown=maybe" of "webhook munity" in



=== TEST 12: webhook off with a parameter
--- config
    location /hook/ {
        webhook off unknown=pass;
    }
--- must_die
--- error_log
"webhook off" has no parameters in



=== TEST 13: webhook twice
--- config
    location /hook/ {
        webhook luzmo;
        webhook luzmo;
        webhook_secret off;
    }
--- must_die
--- error_log eval
qr{"webhook" directive is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 14: webhook off and on
--- config
    location /hook/ {
        webhook off;
        webhook luzmo;
        webhook_secret off;
    }
--- must_die
--- error_log
"webhook" directive is duplicate in



=== TEST 15: webhook in a server
--- config
    webhook luzmo;
    webhook_secret off;
--- must_die
--- error_log
"webhook" directive is not allowed here in



=== TEST 16: webhook in http
--- http_config
    webhook luzmo;
--- config
    location /hook/ {
        return 200;
    }
--- must_die
--- error_log
"webhook" directive is not allowed here in



=== TEST 17: webhook in "if"
--- config
    location /hook/ {
        if ($http_x) {
            webhook luzmo;
        }
        webhook_secret off;
    }
--- must_die
--- error_log
"webhook" directive is not allowed here in



=== TEST 18: webhook in limit_except
--- config
    location /hook/ {
        limit_except GET {
            webhook luzmo;
        }
        webhook_secret off;
    }
--- must_die
--- error_log
"webhook" directive is not allowed here in



=== TEST 19: webhook_secret in "if"
--- config
    location /hook/ {
        if ($http_x) {
            webhook_secret hush;
        }
    }
--- must_die
--- error_log
"webhook_secret" directive is not allowed here in



=== TEST 20: webhook_secret without a secret
--- config
    location /hook/ {
        webhook_secret;
    }
--- must_die
--- error_log
invalid number of arguments in "webhook_secret" directive in



=== TEST 21: webhook_secret with too much
--- config
    location /hook/ {
        webhook_secret hush slug=a slug=b;
    }
--- must_die
--- error_log
invalid number of arguments in "webhook_secret" directive in



=== TEST 22: webhook_secret with an empty secret
--- config
    location /hook/ {
        webhook_secret "";
    }
--- must_die
--- error_log eval
qr{"webhook_secret" directive has an empty secret in \S+/conf/nginx\.conf:\d+$}



=== TEST 23: webhook_secret with an empty secret for a plugin
--- config
    location /hook/ {
        webhook_secret "" slug=acme;
    }
--- must_die
--- error_log
"webhook_secret" directive has an empty secret in



=== TEST 24: webhook_secret with something else than slug=
--- config
    location /hook/ {
        webhook_secret hush hush;
    }
--- must_die
--- error_log
"webhook_secret" directive has an invalid parameter: "slug=" is the only one in



=== TEST 25: webhook_secret with an empty slug
--- config
    location /hook/ {
        webhook_secret hush slug=;
    }
--- must_die
--- error_log
"webhook_secret" directive has an invalid "slug=": 1 to 50 characters of A-Z, a-z, 0-9, _ and - are allowed in



=== TEST 26: webhook_secret with a slug of 51 characters
--- config
    location /hook/ {
        webhook_secret hush slug=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;
    }
--- must_die
--- error_log
"webhook_secret" directive has an invalid "slug="



=== TEST 27: webhook_secret with a slug of other characters
--- config
    location /hook/ {
        webhook_secret hush "slug=ac me";
    }
--- must_die
--- error_log
"webhook_secret" directive has an invalid "slug="



=== TEST 28: the same secret twice
--- config
    location /hook/ {
        webhook_secret hush;
        webhook_secret hush;
    }
--- must_die
--- error_log
"webhook_secret" directive is duplicate in



=== TEST 29: the same secret twice for a plugin
--- config
    location /hook/ {
        webhook_secret hush slug=acme;
        webhook_secret hush slug=other;
        webhook_secret hush slug=acme;
    }
--- must_die
--- error_log
"webhook_secret" directive is duplicate in



=== TEST 30: webhook_secret off beside a secret
--- config
    location /hook/ {
        webhook_secret hush;
        webhook_secret off;
    }
--- must_die
--- error_log
"webhook_secret" directive off is used beside a secret in



=== TEST 31: a secret beside webhook_secret off
--- config
    location /hook/ {
        webhook_secret off;
        webhook_secret hush slug=acme;
    }
--- must_die
--- error_log
"webhook_secret" directive is used beside "webhook_secret off" in



=== TEST 32: webhook_secret off twice
--- config
    location /hook/ {
        webhook_secret off;
        webhook_secret off;
    }
--- must_die
--- error_log
"webhook_secret" directive is duplicate in



=== TEST 33: a slug where the system knows none
--- config
    location /hook/ {
        webhook munity;
        webhook_secret hush;
        webhook_secret hush slug=acme;
    }
--- must_die
--- error_log eval
qr{"webhook_secret" with "slug=acme" can\'t be used in the location of \S+/conf/nginx\.conf:\d+, whose system has no slugs$}



=== TEST 34: a slug from the level above is none of a system without slugs
--- http_config
    webhook_secret hush slug=acme;
--- config
    location /hook/ {
        webhook munity;
    }
--- must_die
--- error_log
"webhook munity" needs "webhook_secret" or "webhook_signature"



=== TEST 35: webhook_secret_header of an empty name
--- config
    location /hook/ {
        webhook_secret_header "";
    }
--- must_die
--- error_log
invalid header name "" in



=== TEST 36: webhook_secret_header of what is no name
--- config
    location /hook/ {
        webhook_secret_header "X Secret";
    }
--- must_die
--- error_log eval
qr{invalid header name "X Secret" in \S+/conf/nginx\.conf:\d+$}



=== TEST 37: webhook_secret_header with a colon
--- config
    location /hook/ {
        webhook_secret_header X-Secret:;
    }
--- must_die
--- error_log
invalid header name "X-Secret:" in



=== TEST 38: webhook_secret_header twice
--- config
    location /hook/ {
        webhook_secret_header X-A;
        webhook_secret_header X-A;
    }
--- must_die
--- error_log
"webhook_secret_header" directive is duplicate in



=== TEST 39: what is allowed: more secrets, one for two plugins, one for any
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret one slug=acme;
        webhook_secret two slug=acme;
        webhook_secret two slug=other;
        webhook_secret two;
        webhook_secret "three; { blanks }" slug=acme;
        webhook_secret slug=acme slug=acme;
        webhook_secret_header X_Under-1;
        return 200 "here\n";
    }

    location /munity/ {
        webhook munity unknown=reject;
        webhook_secret one;
        return 200 "here\n";
    }

    location /off/ {
        webhook off;
        return 200 "here\n";
    }
--- request
GET /hook/
--- response_body
here



=== TEST 40: secrets come from http, from the server, from the location: the nearest
--- http_config
    webhook_secret from-http slug=acme;
    webhook_secret http-too slug=acme;

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1;

        location / {
            webhook luzmo;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
        }

        location /own/ {
            webhook luzmo;
            webhook_secret own slug=acme;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;

            location /own/nested/ {
                proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
            }

            location /own/nested2/ {
                webhook_secret nested slug=acme;
                proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
            }

            location /own/off/ {
                webhook_secret off;
                proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
            }
        }
    }

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_2;

        location / {
            return 200 "accepted\n";
        }
    }
--- config
    webhook_secret from-server slug=acme;

    location /top/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/;
    }

    location /here/ {
        webhook luzmo;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- request eval
[map { "POST $_/data_updated\n$::Body" }
     '/top', '/top', '/top', '/here', '/here',
     ('/top/own') x 2, ('/top/own/nested') x 2, ('/top/own/nested2') x 2,
     '/top/own/off']
--- more_headers eval
[map { "Content-Type: application/json\n" . ($_ && "X-Secret: $_") }
     'from-http', 'http-too', 'from-server', 'from-server', 'from-http',
     'own', 'from-http', 'own', 'from-http', 'nested', 'own', '']
--- error_code eval
[200, 200, 401, 200, 401, 200, 401, 200, 401, 200, 401, 200]
--- response_body eval
my $ok = "accepted\n";
[$ok, $ok, $::Invalid, $ok, $::Invalid, ($ok, $::Invalid) x 3, $ok]



=== TEST 41: webhook_secret off above, a secret below, and the other way round
--- http_config
    webhook_secret off;

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_2;

        location / {
            return 200 "accepted\n";
        }
    }
--- config
    location /off/ {
        webhook luzmo;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
    }

    location /on/ {
        webhook luzmo;
        webhook_secret below slug=acme;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- request eval
[map { "POST /$_/data_updated\n$::Body" } 'off', 'on', 'on']
--- more_headers eval
["Content-Type: application/json\n", "Content-Type: application/json\n",
 "Content-Type: application/json\nX-Secret: below"]
--- error_code eval
[200, 401, 200]
--- response_body eval
["accepted\n", $::Missing, "accepted\n"]



=== TEST 42: webhook_secret_header is inherited, and overridden
--- http_config
    webhook_secret_header X-Above;
    webhook_secret right slug=acme;

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_2;

        location / {
            return 200 "accepted\n";
        }
    }
--- config
    location /above/ {
        webhook luzmo;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
    }

    location /below/ {
        webhook luzmo;
        webhook_secret_header X-Below;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2;
    }
--- request eval
[map { "POST /$_/data_updated\n$::Body" } qw(above above below below)]
--- more_headers eval
[map { "Content-Type: application/json\n$_: right" }
     qw(X-Above X-Secret X-Below X-Above)]
--- error_code eval
[200, 401, 200, 401]
--- response_headers eval
['!WWW-Authenticate', 'WWW-Authenticate: X-Above', '!WWW-Authenticate',
 'WWW-Authenticate: X-Below']
--- response_body eval
["accepted\n", $::Missing, "accepted\n", $::Missing]



=== TEST 43: webhook_secret off in a munity location, below a secret with a slug
--- http_config
    webhook_secret hush slug=acme;
--- config
    location /munity/ {
        webhook munity;
        webhook_secret off;
        return 200 "here\n";
    }
--- request
GET /munity/
--- response_body
here



=== TEST 44: off is no secret of a plugin
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret off slug=acme;
    }
--- must_die
--- error_log
"webhook_secret" directive off has no parameters in
