use lib 't/lib';
use WebhookTest 'no_plan';

# webhook_signature off, secrets that are there twice, and where the directive
# means nothing.

use Answers qw(problem);
use Digest::SHA qw(hmac_sha256_hex);

our $Body = '{"a":1}';

# Every secret has "hush" in it, which no log may have.
sub signed { 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($Body, $_[0]) }

our @Lengths = (4, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000);

sub long { substr('hush' x 250, 0, $_[0]) }

our $Missing = problem('missing_signature');
our $Invalid = problem('invalid_signature');

our $Upstream = <<'END';
    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1;
        location / {
            return 200 "taken\n";
        }
    }
END

our $Standard = 'hush' x 8;

add_block_preprocessor(sub {
    my $block = shift;

    if (defined $block->must_die) {
        $block->set_value('request', 'GET /');
        $block->set_value('no_error_log', ['hush', 'HUSH', '[alert]']);
    } else {
        $block->set_value('no_error_log', ['hush', '[error]', '[crit]']);
        $block->set_value('http_config',
                          $Upstream . ($block->http_config // ''));
    }
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: off ends what is inherited, below it and for those below
--- http_config
    webhook_signature github hush;
--- config
    webhook_secret off;

    location /on/ {
        webhook signed;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;

        location /on/other/ {
            webhook_signature github hush2;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }

        location /on/off/ {
            webhook munity unknown=pass;
            webhook_signature off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;

            location /on/off/below/ {
                proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
            }

            location /on/off/on/ {
                webhook signed;
                webhook_signature github hush3;
                proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
            }
        }
    }
--- pipelined_requests eval
my $event = '{"workspace_id":"w","customer_id":null,"event":"e","state":null,'
            . '"payload":{}}';
[("POST /on/\n$::Body") x 3, ("POST /on/other/\n$::Body") x 2,
 "POST /on/off/\n$event", "POST /on/off/below/\n$event",
 ("POST /on/off/on/\n$::Body") x 2]
--- more_headers eval
my $json = 'Content-Type: application/json';
["X: x", ::signed('hush'), ::signed('hush2'), ::signed('hush2'),
 ::signed('hush'), $json, $json, ::signed('hush3'), "X: x"]
--- error_code eval
[401, 200, 401, 200, 401, 200, 200, 200, 401]
--- response_body eval
[$::Missing, "taken\n", $::Invalid, "taken\n", $::Invalid, ("taken\n") x 3,
 $::Missing]



=== TEST 2: off where there is nothing to end
--- http_config
    webhook_signature off;
--- config
    webhook_signature off;

    location /hook/ {
        webhook munity unknown=pass;
        webhook_secret off;
        webhook_signature off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /signed/ {
        webhook signed;
        webhook_signature github hush;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /signed/\n$::Body"
--- more_headers eval
::signed('hush')
--- error_code: 200
--- response_body
taken



=== TEST 3: "off" is a secret like any other
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github off;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- pipelined_requests eval
[("POST /hook/\n$::Body") x 2]
--- more_headers eval
[::signed('off'), 'X: x']
--- error_code eval
[200, 401]
--- response_body eval
["taken\n", $::Missing]



=== TEST 4: without "webhook", nothing is judged
--- config
    webhook_signature github hush;

    location /none/ {
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /own/ {
        webhook_signature github hush2;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- pipelined_requests eval
["POST /none/\n$::Body", "POST /own/\n$::Body"]
--- more_headers eval
['X: x', ::signed('hush')]
--- error_code eval
[200, 200]
--- response_body eval
["taken\n", "taken\n"]



=== TEST 5: off does not stand for webhook_secret off
--- config
    webhook_signature github hush;

    location /hook/ {
        webhook munity;
        webhook_signature off;
    }
--- must_die
--- error_log
"webhook munity" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in



=== TEST 6: webhook signed has nothing to judge with off
--- config
    webhook_signature github hush;

    location /hook/ {
        webhook signed;
        webhook_signature off;
    }
--- must_die
--- error_log
"webhook signed" needs "webhook_signature" in



=== TEST 7: off beside a scheme
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush;
        webhook_signature off;
    }
--- must_die
--- error_log
"webhook_signature" directive is duplicate in



=== TEST 8: a scheme beside off
--- config
    location /hook/ {
        webhook signed;
        webhook_signature off;
        webhook_signature github hush;
    }
--- must_die
--- error_log
"webhook_signature" directive is duplicate in



=== TEST 9: off twice
--- config
    location /hook/ {
        webhook_signature off;
        webhook_signature off;
    }
--- must_die
--- error_log
"webhook_signature" directive is duplicate in



=== TEST 10: off with a parameter
--- config
    location /hook/ {
        webhook_signature off hush;
    }
--- must_die
--- error_log
"webhook_signature" directive off has no parameters in



=== TEST 11: a secret twice
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush hush;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a duplicate secret in \S+/conf/nginx\.conf:\d+$}



=== TEST 12: a secret twice, with others and a tolerance between them
--- config
    location /hook/ {
        webhook signed;
        webhook_signature stripe hush1 hush2 tolerance=1m hush3 "hush2";
    }
--- must_die
--- error_log
"webhook_signature" directive has a duplicate secret in



=== TEST 13: a standard secret twice, with and without its prefix
--- config eval
"location /hook/ {
     webhook signed;
     webhook_signature standard $::Standard whsec_$::Standard;
 }"
--- must_die
--- error_log
"webhook_signature" directive has a duplicate secret in



=== TEST 14: a standard secret twice, with and without its padding
--- config eval
"location /hook/ {
     webhook signed;
     webhook_signature standard ${\ ('HUSH' x 10)}aA== ${\ ('HUSH' x 10)}aA;
 }"
--- must_die
--- error_log
"webhook_signature" directive has a duplicate secret in



=== TEST 15: secrets that begin alike are different ones
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush hush2 Hush whsec_hush;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- pipelined_requests eval
[("POST /hook/\n$::Body") x 4]
--- more_headers eval
[map { ::signed($_) } 'hush', 'hush2', 'Hush', 'whsec_hush']
--- error_code eval
[(200) x 4]
--- response_body eval
[("taken\n") x 4]



=== TEST 16: the same secret here and above is nothing to be told of
--- http_config
    webhook_signature github hush;
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /hook/\n$::Body"
--- more_headers eval
::signed('hush')
--- error_code: 200
--- response_body
taken



=== TEST 17: secrets that are shorter, as long, and longer than a block of SHA-256
--- config eval
CORE::join '', map { "location /$_/ {
     webhook signed;
     webhook_signature github ${\ ::long($_)} other;
     proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1;
 }\n" } @::Lengths
--- pipelined_requests eval
[map { ("POST /$_/\n$::Body") x 2 } @::Lengths]
--- more_headers eval
[map { (::signed(::long($_)), ::signed(::long($_) . "\0x")) } @::Lengths]
--- error_code eval
[map { (200, 401) } @::Lengths]
--- response_body eval
[map { ("taken\n", $::Invalid) } @::Lengths]
