use lib 't/lib';
use WebhookTest 'no_plan';

# What nginx -t says to signatures that can't be meant; webhook_signature off,
# secrets that are there twice, and where the directive means nothing.

use Answers qw(problem);
use Digest::SHA qw(hmac_sha256_hex);
use MIME::Base64 ();

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

=== TEST 1: an unknown scheme
--- config
    location /hook/ {
        webhook signed;
        webhook_signature gitlab hush;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*has an unknown scheme.* in \S+/conf/nginx\.conf:\d+$}



=== TEST 2: a scheme's name is in lower case, and the first argument
--- config
    location /hook/ {
        webhook signed;
        webhook_signature GitHub hush;
    }
--- must_die
--- error_log
has an unknown scheme



=== TEST 3: a secret in the scheme's place does not show
--- config
    location /hook/ {
        webhook signed;
        webhook_signature hush-secret github;
    }
--- must_die
--- error_log
has an unknown scheme



=== TEST 4: no arguments
--- config
    location /hook/ {
        webhook signed;
        webhook_signature;
    }
--- must_die
--- error_log
invalid number of arguments in "webhook_signature" directive



=== TEST 5: no secret
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github;
    }
--- must_die
--- error_log
"webhook_signature" directive needs a secret in



=== TEST 6: no secret beside a tolerance
--- config
    location /hook/ {
        webhook signed;
        webhook_signature stripe tolerance=1m;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive needs a secret in \S+/conf/nginx\.conf:\d+$}



=== TEST 7: an empty secret
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github "";
    }
--- must_die
--- error_log
"webhook_signature" directive has an empty secret in



=== TEST 8: an empty secret beside another one
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack hush "" tolerance=1m;
    }
--- must_die
--- error_log
"webhook_signature" directive has an empty secret in



=== TEST 9: a standard secret that is not base64
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_hush.hush.hushhushhushhushhushhush;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 10: a standard secret with more behind its padding
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_hushhushhushhushhushhushhushhushaA==,whsec_hush;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 11: a standard secret that was cut in the middle of a byte
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_hushhushhushhushhushhushhushhushh;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 12: a standard secret of 23 bytes
--- config eval
'location /hook/ {
     webhook signed;
     webhook_signature standard whsec_' . MIME::Base64::encode_base64('h' x 23, '') . ';
 }'
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in
--- no_error_log
aGho



=== TEST 13: a standard secret of 65 bytes
--- config eval
'location /hook/ {
     webhook signed;
     webhook_signature standard ' . MIME::Base64::encode_base64('h' x 65, '') . ';
 }'
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in
--- no_error_log
aGho



=== TEST 14: a standard secret of nothing but its prefix
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 15: an empty standard secret
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard "";
    }
--- must_die
--- error_log
"webhook_signature" directive has an empty secret in



=== TEST 16: the second of two standard secrets
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_hushhushhushhushhushhushhushhush whsec_hush;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 17: tolerance of nothing
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack hush tolerance=;
    }
--- must_die
--- error_log
"webhook_signature" directive has an invalid "tolerance=" in



=== TEST 18: tolerance of no time
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack hush tolerance=5x;
    }
--- must_die
--- error_log
"webhook_signature" directive has an invalid "tolerance=" in



=== TEST 19: a negative tolerance
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack tolerance=-1 hush;
    }
--- must_die
--- error_log
"webhook_signature" directive has an invalid "tolerance=" in



=== TEST 20: a tolerance that is too large
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack hush tolerance=99999999999999999999;
    }
--- must_die
--- error_log
"webhook_signature" directive has an invalid "tolerance=" in



=== TEST 21: a tolerance twice
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack tolerance=5m hush tolerance=5m;
    }
--- must_die
--- error_log
"webhook_signature" directive has more than one "tolerance=" in



=== TEST 22: a tolerance for GitHub
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush tolerance=5m;
    }
--- must_die
--- error_log
"webhook_signature" directive has a "tolerance=", but its scheme no timestamp in



=== TEST 23: a tolerance for Shopify
--- config
    location /hook/ {
        webhook signed;
        webhook_signature shopify tolerance=5m hush;
    }
--- must_die
--- error_log
"webhook_signature" directive has a "tolerance=", but its scheme no timestamp in



=== TEST 24: webhook_signature twice
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush;
        webhook_signature github hush2;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 25: webhook_signature twice, of two schemes, in http
--- http_config
    webhook_signature github hush;
    webhook_signature slack hush2;
--- config
    location /hook/ {
        webhook signed;
    }
--- must_die
--- error_log
"webhook_signature" directive is duplicate in



=== TEST 26: webhook signed without webhook_signature
--- config
    location /hook/ {
        include ../html/hook.conf;
    }
--- user_files
>>> hook.conf
# one
webhook_secret hush;
webhook signed;
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook signed" needs "webhook_signature" in \S+/html/hook\.conf:3$}



=== TEST 27: the signature of another location is none of this one
--- config
    location /hook/ {
        webhook signed;
    }
    location /other/ {
        webhook_signature github hush;
    }
--- must_die
--- error_log
"webhook signed" needs "webhook_signature" in



=== TEST 28: webhook signed has no parameters
--- config
    location /hook/ {
        webhook signed unknown=pass;
        webhook_signature github hush;
    }
--- must_die
--- error_log
invalid parameter "unknown=pass" of "webhook signed" in



=== TEST 29: webhook signed has no plugins, so its secrets are nobody's
--- config
    location /hook/ {
        webhook signed;
        webhook_secret hush slug=acme;
        webhook_signature github hush;
    }
--- must_die
--- error_log eval
qr{"webhook_secret" with "slug=acme" can't be used in the location of \S+:\d+, whose system has no slugs}



=== TEST 30: webhook_signature in "if"
--- config
    location /hook/ {
        webhook signed;
        if ($http_x) {
            webhook_signature github hush;
        }
    }
--- must_die
--- error_log
"webhook_signature" directive is not allowed here in



=== TEST 31: webhook luzmo without a secret and without a signature
--- config
    location /hook/ {
        webhook luzmo;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook luzmo" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in \S+/conf/nginx\.conf:\d+$}



=== TEST 32: off ends what is inherited, below it and for those below
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



=== TEST 33: off where there is nothing to end
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



=== TEST 34: "off" is a secret like any other
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



=== TEST 35: without "webhook", nothing is judged
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



=== TEST 36: off does not stand for webhook_secret off
--- config
    webhook_signature github hush;

    location /hook/ {
        webhook munity;
        webhook_signature off;
    }
--- must_die
--- error_log
"webhook munity" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in



=== TEST 37: webhook signed has nothing to judge with off
--- config
    webhook_signature github hush;

    location /hook/ {
        webhook signed;
        webhook_signature off;
    }
--- must_die
--- error_log
"webhook signed" needs "webhook_signature" in



=== TEST 38: off beside a scheme
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush;
        webhook_signature off;
    }
--- must_die
--- error_log
"webhook_signature" directive is duplicate in



=== TEST 39: a scheme beside off
--- config
    location /hook/ {
        webhook signed;
        webhook_signature off;
        webhook_signature github hush;
    }
--- must_die
--- error_log
"webhook_signature" directive is duplicate in



=== TEST 40: off twice
--- config
    location /hook/ {
        webhook_signature off;
        webhook_signature off;
    }
--- must_die
--- error_log
"webhook_signature" directive is duplicate in



=== TEST 41: off with a parameter
--- config
    location /hook/ {
        webhook_signature off hush;
    }
--- must_die
--- error_log
"webhook_signature" directive off has no parameters in



=== TEST 42: a secret twice
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush hush;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a duplicate secret in \S+/conf/nginx\.conf:\d+$}



=== TEST 43: a secret twice, with others and a tolerance between them
--- config
    location /hook/ {
        webhook signed;
        webhook_signature stripe hush1 hush2 tolerance=1m hush3 "hush2";
    }
--- must_die
--- error_log
"webhook_signature" directive has a duplicate secret in



=== TEST 44: a standard secret twice, with and without its prefix
--- config eval
"location /hook/ {
     webhook signed;
     webhook_signature standard $::Standard whsec_$::Standard;
 }"
--- must_die
--- error_log
"webhook_signature" directive has a duplicate secret in



=== TEST 45: a standard secret twice, with and without its padding
--- config eval
"location /hook/ {
     webhook signed;
     webhook_signature standard ${\ ('HUSH' x 10)}aA== ${\ ('HUSH' x 10)}aA;
 }"
--- must_die
--- error_log
"webhook_signature" directive has a duplicate secret in



=== TEST 46: secrets that begin alike are different ones
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



=== TEST 47: the same secret here and above is nothing to be told of
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



=== TEST 48: secrets that are shorter, as long, and longer than a block of SHA-256
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
