use lib 't/lib';
use WebhookTest 'no_plan';

# What the other files take for granted: nginx with the module starts,
# answers, and knows the module's directives.

run_tests();

__DATA__

=== TEST 1: nginx starts and answers
--- config
    location = /t {
        return 200 "here\n";
    }
--- request
GET /t
--- response_body
here



=== TEST 2: the same over HTTP/2
--- config
    location = /t {
        return 200 "here\n";
    }
--- http2
--- request
GET /t
--- response_body
here



=== TEST 3: the module is in it
--- config
    location = /t {
        webhook;
    }
--- request
GET /t
--- must_die
--- error_log
invalid number of arguments in "webhook" directive
