use lib 't/lib';
use WebhookTest 'no_plan';

# nginx keeps the headers of a request in pieces of twenty: they are found, and
# counted, in all of them.  Conditional headers change nothing about an answer
# of the module's own.

use Answers qw(luzmo);
use LuzmoEvent qw($Body);

our $Config = <<'END';
    location /luzmo/ {
        webhook luzmo;
        webhook_secret s3cr3t;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/taken/;
    }
    location /github {
        webhook signed;
        webhook_signature github "It's a Secret to Everybody";
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/taken/;
    }
    location /taken/ {
        return 200 "taken\n";
    }
END

our $App = '8a1a7c1f-6f0c-4c8e-9c7e-0f3c2b1a4d5e';

# Each of them is answered with 304 or 412 where there is a representation.
our @Conditions = ('If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT',
                   'If-Match: "x"', 'If-None-Match: *', 'If-None-Match: "x"',
                   'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT');

# the headers, after so many others
sub after {
    my ($n, @headers) = @_;
    return join "\n", map({ "X-Filler-$_: $_" } 1 .. $n), @headers;
}

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('config', $Config) if !defined $block->config;
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a secret and a media type in the second piece
--- request eval
"POST /luzmo/data_updated\n$::Body"
--- more_headers eval
::after(25, 'X-Secret: s3cr3t', 'Content-Type: application/json')
--- response_body
taken



=== TEST 2: in the third one, and after the piece's end exactly
--- pipelined_requests eval
["POST /luzmo/data_updated\n$::Body", "POST /luzmo/data_updated\n$::Body"]
--- more_headers eval
[::after(45, 'X-Secret: s3cr3t', 'Content-Type: application/json'),
 ::after(18, 'X-Secret: s3cr3t', 'Content-Type: application/json')]
--- response_body eval
["taken\n", "taken\n"]



=== TEST 3: a wrong secret there
--- request eval
"POST /luzmo/data_updated\n$::Body"
--- more_headers eval
::after(25, 'X-Secret: other', 'Content-Type: application/json')
--- error_code: 401
--- response_body eval
::luzmo('invalid_secret')



=== TEST 4: a secret that comes twice, the second time there
--- request eval
"POST /luzmo/data_updated\n$::Body"
--- more_headers eval
"X-Secret: s3cr3t\n" . ::after(25, 'X-Secret: s3cr3t',
                               'Content-Type: application/json')
--- error_code: 401
--- response_body eval
::luzmo('invalid_secret')



=== TEST 5: an encoding there
--- request eval
"POST /luzmo/data_updated\n$::Body"
--- more_headers eval
::after(25, 'X-Secret: s3cr3t', 'Content-Type: application/json',
        'Content-Encoding: gzip')
--- error_code: 415
--- response_body eval
::luzmo('unsupported_encoding')



=== TEST 6: a signature there
--- request chop
POST /github
Hello, World!
--- more_headers eval
::after(25, 'X-Hub-Signature-256: sha256='
            . '757107ea0eb2509fc211221cce984b8a'
            . '37570b6d7586c22c46f4379c8b043e17')
--- response_body
taken



=== TEST 7: none, in whatever piece
--- request eval
"POST /luzmo/data_updated\n$::Body"
--- more_headers eval
::after(45, 'Content-Type: application/json')
--- error_code: 401
--- response_body eval
::luzmo('missing_secret')



=== TEST 8: conditional headers: Lenra's webhooks are created, listed, triggered
--- http_config
    webhook_zone zone=hooks:1m;
--- config eval
"location /app/ {
     webhook lenra zone=hooks;
     webhook_app $::App environment=1 token=t0k3n;
 }"
--- request eval
[(map { "POST /app/webhooks\n{\"action\":\"a\"}" } @::Conditions),
 (map { 'GET /app/webhooks' } @::Conditions)]
--- more_headers eval
[map { "Content-Type: application/json\nAuthorization: Bearer t0k3n\n$_\n" }
     @::Conditions, @::Conditions]
--- error_code eval
[(200) x 10]
--- response_body_like eval
[(qr/^\{"uuid":"[^"]+".*"action":"a"/) x 5, (qr/^\[\{.*"action":"a".*\}\]$/) x 5]



=== TEST 9: conditional headers: an endpoint is set, shown and removed
--- http_config
    webhook_zone zone=hooks:1m;
--- config
    location /m/ {
        webhook_endpoints zone=hooks ports=1-65535;
        webhook_secret off;
    }
--- request eval
my $path = '/m/workspaces/w/webhook';
my $put = qq(PUT $path\n{"url":"https://8.8.8.8/"});

[$put, (map { ($put, "GET $path", "DELETE $path", $put) } @::Conditions),
 "DELETE $path"]
--- more_headers eval
["Content-Type: application/json\n",
 (map { ("Content-Type: application/json\n$_\n", "$_\n", "$_\n",
         "Content-Type: application/json\n$_\n") } @::Conditions), '']
--- error_code eval
[201, (map { (200, 200, 204, 201) } @::Conditions), 204]
--- response_body_like eval
[(qr{"url":"https://8\.8\.8\.8/"}) x 3,
 (qr/^$/, (qr{"url":"https://8\.8\.8\.8/"}) x 3) x 4,
 qr/^$/, qr{"url":"https://8\.8\.8\.8/"}, qr/^$/]



=== TEST 10: conditional headers: duplicates and the status
--- http_config
    webhook_dedup_zone zone=events:64k;
    webhook_status_zone zone=status:128k;
--- config
    location /luzmo/ {
        webhook luzmo;
        webhook_secret off;
        webhook_dedup $http_webhook_id zone=events;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/taken/;
    }
    location /taken/ {
        return 200 "taken\n";
    }
    location = /status {
        webhook_status zone=status json;
        webhook_secret off;
    }
--- request eval
["POST /luzmo/data_updated\n$::Body",
 (map { "POST /luzmo/data_updated\n$::Body" } @::Conditions),
 (map { 'GET /status' } @::Conditions)]
--- more_headers eval
[map { "Content-Type: application/json\nWebhook-Id: msg_8\n$_" }
     '', map { "$_\n" } @::Conditions, @::Conditions]
--- error_code eval
[(200) x 11]
--- response_body_like eval
[qr/taken|msg_8/, (qr/^\{"id":"msg_8"\}$/) x 5, (qr/^\{"/) x 5]
