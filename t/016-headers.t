use lib 't/lib';
use WebhookTest 'no_plan';

# nginx keeps the headers of a request in pieces of twenty: they are found, and
# counted, in all of them.

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

# the headers, after so many others
sub after {
    my ($n, @headers) = @_;
    return join "\n", map({ "X-Filler-$_: $_" } 1 .. $n), @headers;
}

add_block_preprocessor(sub { $_[0]->set_value('config', $Config) });

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
