use lib 't/lib';
use WebhookTest 'no_plan';

# Pages of other sites: what a browser would send for them, with the user's
# password or from the user's address, changes nothing.

use Answers qw(problem);

our $Cross = problem(403, 'a page of another site has sent the request',
                     'cross_site');
our $NotFound = problem(404, 'there is no such queue', 'not_found');

# Of a browser, by the page that makes it send them.
our @Foreign = (
    'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Site: same-site',
    'Sec-Fetch-Site: x', "Sec-Fetch-Site: none\nSec-Fetch-Site: none",
    'Origin: https://evil.example', 'Origin: null', 'Origin: ',
    'Origin: http://localhost:1', 'Origin: localhost',
    "Sec-Fetch-Site: cross-site\nOrigin: http://localhost",
);

our @Own = (
    '', 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: none',
    'Origin: http://localhost', 'Origin: https://LOCALHOST',
    "Sec-Fetch-Site: same-origin\nOrigin: https://evil.example",
);

our $HttpConfig = <<'END';
    webhook_zone zone=endpoints:1m state=logs/endpoints.db;
    webhook_queue_path logs/queue.db queue=events;
END

our $Config = <<'END';
    location /api/ {
        webhook_api;
        webhook_secret off;
    }

    location /endpoints/ {
        webhook_endpoints zone=endpoints ports=1-65535;
        webhook_secret off;
    }
END

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $HttpConfig);
    $block->set_value('config', $Config);
});

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: webhook_api: a replay for another site is refused
--- request eval
['POST /api/queues/events/dead/replay', ('POST /api/queues/events/dead/replay')
 x $#::Foreign]
--- more_headers eval
[map { "$_\n" } @::Foreign]
--- error_code eval
[(403) x @::Foreign]
--- response_body eval
[($::Cross) x @::Foreign]



=== TEST 2: webhook_api: for its own page, and for what is no browser
--- request eval
[('POST /api/queues/events/dead/replay') x @::Own]
--- more_headers eval
[map { "$_\n" } @::Own]
--- error_code eval
[(200) x @::Own]
--- response_body_like eval
[('"replayed":0') x @::Own]



=== TEST 3: webhook_api: who only reads changes nothing
--- request eval
['GET /api/queues', 'HEAD /api/queues']
--- more_headers
Sec-Fetch-Site: cross-site
Origin: https://evil.example
--- error_code eval
[200, 200]



=== TEST 4: webhook_endpoints: neither registered nor deleted for another site
--- request eval
['PUT /endpoints/workspaces/w/webhook
{"url":"https://192.0.2.1/"}',
 'DELETE /endpoints/workspaces/w/webhook',
 'POST /endpoints/workspaces/w/webhook/test',
 'GET /endpoints/workspaces/w/webhook']
--- more_headers
Content-Type: application/json
Origin: https://evil.example
--- error_code eval
[403, 403, 403, 404]
--- response_body eval
[($::Cross) x 3,
 ::problem(404, 'there is no such webhook', 'not_found')]
