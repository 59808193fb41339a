use lib 't/lib';
use WebhookTest 'no_plan';

# Where secrets come from: files, variables, the level above; the header
# Authorization; systems and directives that once did not look at them.

use Digest::SHA ();
use Answers qw(echo luzmo problem lenra);
use LuzmoEvent qw($Body payload);

our $Good = "POST /hook/data_updated $Body";
our $Missing = luzmo('missing_secret');
our $Invalid = luzmo('invalid_secret');
our $Upstream = echo(text => '"$request_method $request_uri $request_body"');
our $App = '8a1a7c1f-6f0c-4c8e-9c7e-0f3c2b1a4d5e';

our $Test = '{"workspace_id":"w","customer_id":null,"event":"webhook_test",'
            . '"state":null,"payload":{"test":true}}';

# A request for each value of a header; undef: without it.
sub headers {
    my ($name, @values) = @_;

    return [map { (defined $_ ? "$name: $_\n" : '')
                  . "Content-Type: application/json\n" } @values];
}

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $Upstream . ($block->http_config // ''));
});

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: secrets from a file, a line each
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret file=../html/secrets;
        webhook_secret file=../html/acme slug=acme;
        webhook_secret file=../html/other slug=other;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- user_files eval
">>> secrets\nfirst of two\r\n\nsecond\$x\n>>> acme\nfor-acme\n"
. ">>> other\nfor-other\n"
--- request eval
[("POST /hook/data_updated\n$::Body") x 7]
--- more_headers eval
::headers('X-Secret', 'first of two', 'second$x', 'for-acme', 'for-other',
          'file=../html/secrets', 'first', undef)
--- error_code eval
[200, 200, 200, 403, 401, 401, 401]
--- response_body eval
[($::Good) x 3, ::luzmo('wrong_plugin', field => 'slug'), ($::Invalid) x 2,
 $::Missing]



=== TEST 2: a file of secrets that is not there
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret file=../html/none;
    }
--- must_die
--- error_log eval
qr{open\(\) "\S+/html/none" failed \(2: No such file or directory\) in \S+/conf/nginx\.conf:\d+}



=== TEST 3: a file without a secret
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret file=../html/empty;
    }
--- user_files eval
">>> empty\n\n\r\n"
--- must_die
--- error_log eval
qr{"\S+/html/empty" has no secret: one a line is expected in \S+/conf/nginx\.conf:\d+}



=== TEST 4: a folder is no file of secrets, nor is a path that is empty
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret file=../html;
    }
--- must_die
--- error_log
html" is not a file of secrets



=== TEST 5: an empty path
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret file=;
    }
--- must_die
--- error_log
"webhook_secret" directive has an empty "file=" in



=== TEST 6: a variable is looked up for each request, an empty one fits nothing
--- http_config
    map $arg_tenant $tenant_secret {
        a  of-a;
        b  of-b;
    }
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $tenant_secret;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /braces/ {
        webhook luzmo;
        webhook_secret ${tenant_secret};
        webhook_secret fixed;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[(map { "POST /hook/data_updated?tenant=$_\n$::Body" } qw(a b a c c c)),
 (map { "POST /braces/data_updated?tenant=$_\n$::Body" } qw(a b c))]
--- more_headers eval
::headers('X-Secret', 'of-a', 'of-b', 'of-b', 'of-a', '', '$tenant_secret',
          'of-a', 'fixed', '${tenant_secret}')
--- error_code eval
[200, 200, 401, 401, 401, 401, 200, 200, 401]
--- response_body eval
["POST /hook/data_updated?tenant=a $::Body",
 "POST /hook/data_updated?tenant=b $::Body", ($::Invalid) x 4,
 "POST /braces/data_updated?tenant=a $::Body",
 "POST /braces/data_updated?tenant=b $::Body", $::Invalid]



=== TEST 7: a variable that nobody knows is no secret
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret ${MUNITY_SECRET};
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- must_die
--- error_log
"webhook_secret" directive has a variable with a capital letter as a secret, which is a forgotten substitution



=== TEST 8: a text with a dollar that is not the name of a variable is literal
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $a-b;
        webhook_secret a$b;
        webhook_secret "{{ A }}";
        webhook_secret "a}${";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[("POST /hook/data_updated\n$::Body") x 5]
--- more_headers eval
::headers('X-Secret', '$a-b', 'a$b', '{{ A }}', 'a}${', 'a')
--- error_code eval
[(200) x 4, 401]
--- response_body eval
[($::Good) x 4, $::Invalid]



=== TEST 9: signatures with secrets from files and variables
--- http_config
    map $arg_tenant $key {
        a        "It's a Secret to Everybody";
        default  "";
    }
--- config
    location /file {
        webhook signed;
        webhook_signature github file=../html/keys;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /variable {
        webhook signed;
        webhook_signature github $key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /both {
        webhook signed;
        webhook_signature github $key other;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- user_files
>>> keys
another
It's a Secret to Everybody
--- request eval
[map { "POST $_\nHello, World!" } qw(/file /variable?tenant=a /both?tenant=a
                                    /variable?tenant=b /variable /both)]
--- more_headers
X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17
--- error_code eval
[200, 200, 200, 401, 401, 401]
--- response_body eval
["POST /file Hello, World!", "POST /variable?tenant=a Hello, World!",
 "POST /both?tenant=a Hello, World!",
 (::problem('invalid_signature')) x 3]



=== TEST 10: a variable's value that is no secret of the scheme fits nothing
--- http_config
    map $arg_key $key {
        volatile;
        short    whsec_aHVzaA==;
        default  "";
    }
--- config
    location /hook {
        webhook signed;
        webhook_signature standard $key;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request
POST /hook?key=short
x
--- more_headers eval
"webhook-id: a\nwebhook-timestamp: " . time() . "\nwebhook-signature: v1,"
. 'A' x 43 . "=\n"
--- error_code: 401
--- response_body eval
::problem('invalid_signature')
--- error_log
the value of "$key" is not a secret of the scheme "standard"



=== TEST 11: Authorization: the scheme in any case, its name in the challenge
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret_header Authorization;
        webhook_secret "Bearer t0k3n";
        webhook_secret "bearer other";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[("POST /hook/data_updated\n$::Body") x 8]
--- more_headers eval
::headers('Authorization', 'Bearer t0k3n', 'bearer t0k3n', 'BEARER other',
          'Bearer T0k3n', 'Basic t0k3n', 't0k3n', 'Bearer  t0k3n', undef)
--- error_code eval
[200, 200, 200, (401) x 5]
--- response_body eval
[($::Good) x 3, ($::Invalid) x 4, $::Missing]
--- response_headers eval
[('!WWW-Authenticate') x 3, ('WWW-Authenticate: Bearer') x 5]



=== TEST 12: Authorization with a password: the challenge has a realm
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret_header Authorization;
        webhook_secret "Basic dXNlcjpwYXNz";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[("POST /hook/data_updated\n$::Body") x 2]
--- more_headers eval
::headers('Authorization', 'basic dXNlcjpwYXNz', 'Basic dXNlcjpwYXNZ')
--- error_code eval
[200, 401]
--- response_body eval
[$::Good, $::Invalid]
--- response_headers eval
['!WWW-Authenticate', 'WWW-Authenticate: Basic realm="webhook"']



=== TEST 13: the status asks for the secret that stands beside it
--- http_config
    webhook_status_zone zone=status:128k;
--- config
    location /status {
        webhook_status zone=status json;
        webhook_secret right;
    }

    location /open {
        webhook_status zone=status json;
    }
--- request eval
['GET /status', 'GET /status', 'GET /status', 'GET /open']
--- more_headers eval
::headers('X-Secret', 'right', 'wrong', undef, undef)
--- error_code eval
[200, 401, 401, 200]
--- response_body_like eval
[qr/^\{"/, '^' . quotemeta(::problem('invalid_secret')),
 '^' . quotemeta(::problem('missing_secret')), qr/^\{"/]



=== TEST 14: Lenra's creations need the secret beside the token
--- http_config
    webhook_zone zone=webhooks:1m;
--- config eval
"location /app/ {
     webhook lenra zone=webhooks;
     webhook_secret right;
     webhook_app $::App environment=1 token=t0k3n;
 }"
--- request eval
[map { "POST /app/webhooks\n{\"action\":\"a\"}" } 1 .. 4]
--- more_headers eval
[map { "Content-Type: application/json\n$_" }
     "X-Secret: right\nAuthorization: Bearer t0k3n\n",
     "Authorization: Bearer t0k3n\n",
     "X-Secret: wrong\nAuthorization: Bearer t0k3n\n",
     "X-Secret: right\nAuthorization: Bearer wrong\n"]
--- error_code eval
[200, 401, 401, 401]
--- response_body_like eval
[qr/^\{"uuid":/, map { '^' . quotemeta $_ }
     ::lenra('missing_secret'), ::lenra('invalid_secret'),
     ::lenra(401, 'Your token is invalid.', 'invalid_token')]
--- response_headers eval
['!WWW-Authenticate', 'WWW-Authenticate: X-Secret',
 'WWW-Authenticate: X-Secret', 'WWW-Authenticate: Bearer']



=== TEST 15: a slug's secret from the level above does not stop other systems
--- http_config
    webhook_secret plugin slug=acme;
    webhook_secret any;
--- config
    location /hook/ {
        webhook luzmo;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /any {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[(map { "POST /hook/data_updated\n$::Body" } 1 .. 2),
 (map { "POST /any\n$::Test" } 1 .. 2)]
--- more_headers eval
::headers('X-Secret', 'plugin', 'any', 'plugin', 'any')
--- error_code eval
[200, 200, 401, 200]
--- response_body eval
[$::Good, $::Good, ::problem('invalid_secret'), "POST /any $::Test"]



=== TEST 16: where all secrets from above are of slugs, none is asked for
--- http_config
    webhook_secret plugin slug=acme;
    webhook_status_zone zone=status:128k;
    webhook_zone zone=webhooks:1m;
--- config eval
"location /hook/ {
     webhook luzmo;
     proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1;
 }

 location /github {
     webhook munity;
     webhook_signature github key;
     proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1;
 }

 location /signed {
     webhook signed;
     webhook_signature github key;
     proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1;
 }

 location /app/ {
     webhook lenra zone=webhooks;
     webhook_app $::App environment=1 token=t0k3n;
 }

 location /status {
     webhook_status zone=status json;
 }"
--- request eval
["POST /hook/data_updated\n$::Body", "POST /hook/data_updated\n$::Body",
 "POST /github\n$::Test", "POST /signed\n$::Test", "POST /signed\n$::Test",
 'GET /app/webhooks', 'GET /status']
--- more_headers eval
my $json = "Content-Type: application/json\n";
my $signed = "X-Hub-Signature-256: sha256="
             . Digest::SHA::hmac_sha256_hex($::Test, 'key') . "\n";

["X-Secret: plugin\n$json", $json, "$signed$json", $signed, '',
 "Authorization: Bearer t0k3n\n", '']
--- error_code eval
[200, 401, 200, 200, 401, 200, 200]
--- response_body_like eval
[map { '^' . quotemeta($_) } $::Good, $::Missing, "POST /github $::Test",
 "POST /signed $::Test", ::problem('missing_signature'), '[', '{']



=== TEST 17: a secret of a slug protects nothing where no system has slugs
--- http_config
    webhook_secret plugin slug=acme;
    webhook_status_zone zone=status:128k;
--- config
    location /status {
        webhook_status zone=status json;
    }
--- request
GET /status
--- response_body_like: ^\{"
--- grep_error_log eval
qr/\[warn\] .*?"webhook_secret" in \S+:\d+ protects nothing/
--- grep_error_log_out eval
[qr/^\[warn\] .*protects nothing\n$/, '']



=== TEST 18: a secret that protects nothing is a warning
--- http_config
    webhook_secret nobodys;
--- config
    location /plain {
        webhook_secret unused;
        return 204;
    }

    location /hook/ {
        webhook luzmo;
        webhook_secret right;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /hook/data_updated\n$::Body"
--- more_headers eval
::headers('X-Secret', 'right')
--- error_code: 200
--- grep_error_log eval
qr/\[warn\] .*?"webhook_secret" in \S+:\d+ protects nothing/
--- grep_error_log_out eval
[qr/^\[warn\] .*protects nothing\n\[warn\] .*protects nothing\n$/, '']



=== TEST 19: a header of the client as a secret, in capitals
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret ${HTTP_WEBHOOK_SECRET};
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_secret" directive \Qhas a variable with a capital letter as a secret, which is a forgotten substitution: \E.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
WEBHOOK_SECRET}
[alert]



=== TEST 20: an argument in capitals
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret ${ARG_TOKEN};
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_secret" directive \Qhas a variable with a capital letter as a secret, which is a forgotten substitution: \E.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
ARG_TOKEN
[alert]



=== TEST 21: the name of the machine in capitals
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret "$HOSTNAME";
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_secret" directive \Qhas a variable with a capital letter as a secret, which is a forgotten substitution: \E.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
HOSTNAME
[alert]



=== TEST 22: a key of signatures in capitals
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github ${HTTP_K};
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive \Qhas a variable with a capital letter as a secret, which is a forgotten substitution: \E.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
HTTP_K
[alert]



=== TEST 23: a token in capitals
--- http_config
    webhook_zone zone=webhooks:1m;
--- config
    location /hook/ {
        webhook lenra zone=webhooks;
        webhook_app 8a1a7c1f-6f0c-4c8e-9c7e-0f3c2b1a4d5e environment=1
                    token=${HTTP_T};
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_app" directive \Qhas a variable with a capital letter as a secret, which is a forgotten substitution: \E.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
HTTP_T
[alert]



=== TEST 24: a part of a secret that nobody has substituted
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret_header Authorization;
        webhook_secret "Bearer ${UNSET}";
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_secret" directive has a secret with "\$\{\.\.\.\}" in it.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
UNSET
[alert]



=== TEST 25: two substitutions
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret ${A1}${B1};
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_secret" directive has a secret with "\$\{\.\.\.\}" in it.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
A1
[alert]



=== TEST 26: a substitution with a default
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret ${A1:-x};
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_secret" directive has a secret with "\$\{\.\.\.\}" in it.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
A1
[alert]



=== TEST 27: a substitution of nothing
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret ${};
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_secret" directive has a secret with "\$\{\.\.\.\}" in it.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
${}
[alert]



=== TEST 28: a variable with a blank behind it
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret "${a1} ";
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_secret" directive has a secret with "\$\{\.\.\.\}" in it.* in \S+/conf/nginx\.conf:\d+$}m
--- no_error_log
a1
[alert]



=== TEST 29: $http_x_token is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $http_x_token;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
http_x_token
[alert]



=== TEST 30: $arg_token is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $arg_token;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
arg_token
[alert]



=== TEST 31: $cookie_token is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $cookie_token;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
cookie_token
[alert]



=== TEST 32: $sent_http_x is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $sent_http_x;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
sent_http_x
[alert]



=== TEST 33: $upstream_http_x is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $upstream_http_x;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
upstream_http_x
[alert]



=== TEST 34: $host is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $host;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
host
[alert]



=== TEST 35: $hostname is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $hostname;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
hostname
[alert]



=== TEST 36: $args is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $args;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
args
[alert]



=== TEST 37: $request_uri is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $request_uri;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
request_uri
[alert]



=== TEST 38: $webhook_event is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $webhook_event;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
webhook_event
[alert]



=== TEST 39: $webhook_field_slug is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $webhook_field_slug;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
webhook_field_slug
[alert]



=== TEST 40: $ssl_client_s_dn is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $ssl_client_s_dn;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
ssl_client_s_dn
[alert]



=== TEST 41: $proxy_host is not the configuration's
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $proxy_host;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nginx or the client sets: use one that a "map"\E}
--- no_error_log
proxy_host
[alert]



=== TEST 42: a secret that looks like a variable is not logged
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $ecr3t;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*the secret in \S+/conf/nginx\.conf:\d+ \Qis a variable that nobody defines: define it with a "map"\E}
--- no_error_log
ecr3t
[alert]



=== TEST 43: variables that directives define, before and after
--- http_config
    map $uri $of_map { default of-map; }
    geo $of_geo { default of-geo; }
    split_clients $uri $of_split { * of-split; }
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret $of_map;
        webhook_secret $of_geo;
        webhook_secret ${of_split};
        webhook_secret $of_set;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    set $of_set of-set;
--- request eval
[("POST /hook/data_updated\n$::Body") x 5]
--- more_headers eval
::headers('X-Secret', 'of-map', 'of-geo', 'of-split', 'of-set', '')
--- error_code eval
[(200) x 4, 401]
--- response_body eval
[($::Good) x 4, $::Invalid]



=== TEST 44: a file of secrets with a byte order mark
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret file=../html/bom;
    }
--- user_files eval
">>> bom\n\xEF\xBB\xBFs3cr3t\n"
--- must_die
--- error_log eval
qr{"\S+/html/bom" begins with a byte order mark: save it without one in \S+/conf/nginx\.conf:\d+}
--- no_error_log
s3cr3t



=== TEST 45: with a zero byte in its second line
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret file=../html/zero;
    }
--- user_files eval
">>> zero\ns3cr3t\nt0\0k3n\n"
--- must_die
--- error_log eval
qr{the secret in line 2 of "\S+/html/zero" has a control character in \S+/conf/nginx\.conf:\d+}
--- no_error_log
t0



=== TEST 46: with a blank that no header can carry
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret file=../html/blank;
    }
--- user_files eval
">>> blank\n\ns3cr3t \n"
--- must_die
--- error_log eval
[qr{the secret in line 2 of "\S+/html/blank" begins or ends with a blank, which is taken for a part of it in \S+/conf/nginx\.conf:\d+},
 qr{"webhook_secret" directive has a secret that begins or ends with a blank, which nginx takes off a header's value: no sender could have it in \S+/conf/nginx\.conf:\d+}]
--- no_error_log
s3cr3t



=== TEST 47: nor in nginx.conf
--- config
    location /hook/ {
        webhook luzmo;
        webhook_secret " s3cr3t";
    }
--- must_die
--- error_log
"webhook_secret" directive has a secret that begins or ends with a blank



=== TEST 48: nor in a token
--- config
    location /lenra/ {
        webhook lenra zone=z;
        webhook_app 6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d environment=1
                    "token=t0k3n ";
    }
--- must_die
--- error_log
"webhook_app" directive has a token that begins or ends with a blank, which nginx takes off a header's value: nobody could send it in



=== TEST 49: a signature's secret may have one
--- config
    location /file {
        webhook signed;
        webhook_signature github file=../html/keys;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- user_files eval
">>> keys\nIt's a Secret to Everybody \n"
--- request
POST /file
Hello, World!
--- more_headers
X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17
--- error_code: 401
--- response_body eval
::problem('invalid_signature')



=== TEST 50: one header can't have a secret and a token
--- http_config
    webhook_zone zone=z:128k;
--- config
    location /lenra/ {
        webhook lenra zone=z;
        webhook_app 6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d environment=1
                    token=t0k3n;
        webhook_secret "Bearer s3cr3t";
        webhook_secret_header Authorization;
    }
--- must_die
--- error_log eval
qr/"webhook_secret_header Authorization" can't be used with "webhook lenra" in \S+nginx\.conf:\d+: the header has the token of an application, so nobody could send both/
