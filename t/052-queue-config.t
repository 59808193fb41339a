use lib 't/lib';
use WebhookTest 'no_plan';

# What nginx -t says to a queue that can't be meant.

our $Queue = "webhook_queue_path $ENV{TEST_NGINX_SERVROOT}/logs/queue queue=q;";

# The location that takes events, and the one that delivers them, with more in
# them; undef: it is not there
sub locations {
    my ($take, $deliver) = @_;

    return (defined $take ? <<END : '') . (defined $deliver ? <<END : '');
    location /hook/ {
        webhook munity;
        webhook_secret off;
        webhook_queue q;
        $take
    }
END
    location \@deliver {
        webhook_deliver q;
        proxy_pass http://127.0.0.1:1;
        $deliver
    }
END
}

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('request', 'GET /') unless defined $block->request;
    $block->set_value('http_config', $main::Queue)
        unless defined $block->http_config;
    $block->set_value('config', locations('', ''))
        unless defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: a queue without a name
--- http_config
webhook_queue_path queue;
--- must_die
--- error_log eval
qr{\[emerg\] \d+#\d+: invalid number of arguments in "webhook_queue_path" directive in \S+/conf/nginx\.conf:\d+$}



=== TEST 2: a queue without queue=
--- http_config
webhook_queue_path queue max_size=1g;
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue_path" directive needs "queue=" in \S+/conf/nginx\.conf:\d+$}



=== TEST 3: a queue with an empty name
--- http_config
webhook_queue_path queue queue=;
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "queue=" in \S+/conf/nginx\.conf:\d+$}



=== TEST 4: a queue with two names
--- http_config
webhook_queue_path queue queue=a queue=b;
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "queue=b" in \S+/conf/nginx\.conf:\d+$}



=== TEST 5: an unknown parameter
--- http_config
webhook_queue_path queue queue=q min_size=1;
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "min_size=1" in \S+/conf/nginx\.conf:\d+$}



=== TEST 6: no path
--- http_config
webhook_queue_path "" queue=q;
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue_path" directive has no path in \S+/conf/nginx\.conf:\d+$}



=== TEST 7: max_size= that is no size
--- http_config
webhook_queue_path queue queue=q max_size=big;
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "max_size=big" in \S+/conf/nginx\.conf:\d+$}



=== TEST 8: max_size= that is too small
--- http_config
webhook_queue_path queue queue=q max_size=127k;
--- must_die
--- error_log eval
qr{\[emerg\] .*"max_size=127k" is less than 128k in \S+/conf/nginx\.conf:\d+$}



=== TEST 9: max_size= of nothing
--- http_config
webhook_queue_path queue queue=q max_size=0;
--- must_die
--- error_log eval
qr{\[emerg\] .*"max_size=0" is less than 128k in \S+/conf/nginx\.conf:\d+$}



=== TEST 10: keep_dead= that is no time
--- http_config
webhook_queue_path queue queue=q keep_dead=long;
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "keep_dead=long" in \S+/conf/nginx\.conf:\d+$}



=== TEST 11: keep_dead= of no time
--- http_config
webhook_queue_path queue queue=q keep_dead=0;
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "keep_dead=0" in \S+/conf/nginx\.conf:\d+$}



=== TEST 12: two queues of one name
--- http_config
webhook_queue_path queue queue=q;
webhook_queue_path other queue=q;
--- must_die
--- error_log eval
qr{\[emerg\] .*webhook queue "q" is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 13: two queues in one file
--- http_config
webhook_queue_path queue queue=q;
webhook_queue_path queue queue=other;
--- must_die
--- error_log eval
qr{\[emerg\] .*the file "\S+/queue" is used already in \S+/conf/nginx\.conf:\d+$}



=== TEST 14: a queue in the file of a zone
--- http_config
webhook_zone zone=z:1m state=queue;
webhook_queue_path queue queue=q;
--- must_die
--- error_log eval
qr{\[emerg\] .*the file "\S+/queue" is used already in \S+/conf/nginx\.conf:\d+$}



=== TEST 15: a zone in the file of a queue
--- http_config
webhook_queue_path queue queue=q;
webhook_zone zone=z:1m state=queue;
--- must_die
--- error_log eval
qr{\[emerg\] .*the file "\S+/queue" is used already in \S+/conf/nginx\.conf:\d+$}



=== TEST 16: a path in a folder that is not there
--- http_config
webhook_queue_path none/queue queue=q;
--- must_die
--- error_log eval
qr{\[emerg\] .*"\S+/none/queue(?:-lock)?".* \(2: No such file or directory\)}



=== TEST 17: a path that is a folder
--- http_config
webhook_queue_path conf queue=q;
--- must_die
--- error_log eval
qr{\[emerg\] .*webhook queue "\S+/conf" is not a file}



=== TEST 18: webhook_queue_path in a server
--- config
webhook_queue_path queue queue=q;
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue_path" directive is not allowed here in \S+/conf/nginx\.conf:\d+$}



=== TEST 19: webhook_queue in a server
--- config
webhook_queue q;
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue" directive is not allowed here in \S+/conf/nginx\.conf:\d+$}



=== TEST 20: webhook_deliver in a server
--- config
webhook_deliver q;
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_deliver" directive is not allowed here in \S+/conf/nginx\.conf:\d+$}



=== TEST 21: webhook_retry in a server
--- config
webhook_retry 1s;
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_retry" directive is not allowed here in \S+/conf/nginx\.conf:\d+$}



=== TEST 22: events for an unknown queue
--- http_config
--- config eval: main::locations('', undef)
--- must_die
--- error_log eval
qr{\[emerg\] .*unknown webhook queue "q" in \S+/conf/nginx\.conf:\d+$}



=== TEST 23: an unknown queue is delivered
--- http_config
--- config eval: main::locations(undef, '')
--- must_die
--- error_log eval
qr{\[emerg\] .*unknown webhook queue "q" in \S+/conf/nginx\.conf:\d+$}



=== TEST 24: webhook_queue without webhook
--- config
    location /hook/ {
        webhook_queue q;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue" needs "webhook" in \S+/conf/nginx\.conf:\d+$}



=== TEST 25: webhook_queue with webhook off
--- config
    location /hook/ {
        webhook off;
        webhook_queue q;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue" needs "webhook" in \S+/conf/nginx\.conf:\d+$}



=== TEST 26: webhook_queue twice
--- config eval: main::locations('webhook_queue q;', '')
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue" directive is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 27: webhook_queue before proxy_pass
--- config eval: main::locations('proxy_pass http://127.0.0.1:1;', '')
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue" is used beside another content handler, such as "proxy_pass", in \S+/conf/nginx\.conf:\d+$}



=== TEST 28: webhook_queue after proxy_pass
--- config
    location /hook/ {
        webhook munity;
        webhook_secret off;
        proxy_pass http://127.0.0.1:1;
        webhook_queue q;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue" directive is used beside another content handler, such as "proxy_pass" in \S+/conf/nginx\.conf:\d+$}



=== TEST 29: webhook_queue before webhook_api
--- config eval: main::locations('webhook_api;', '')
--- must_die
--- error_log eval
qr{\[emerg\] .* in \S+/conf/nginx\.conf:\d+$}



=== TEST 30: webhook_queue without a name
--- config eval: main::locations('webhook_queue;', '')
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid number of arguments in "webhook_queue" directive in \S+/conf/nginx\.conf:\d+$}



=== TEST 31: two locations deliver a queue
--- config eval
main::locations('', '') . 'location /other/ { webhook_deliver q; proxy_pass http://127.0.0.1:1; }'
--- must_die
--- error_log eval
qr{\[emerg\] .*webhook queue "q" is delivered by another location already in \S+/conf/nginx\.conf:\d+$}



=== TEST 32: a location delivers two queues
--- http_config eval
$main::Queue . 'webhook_queue_path other queue=other;'
--- config eval: main::locations('', 'webhook_deliver other;')
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_deliver" directive is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 33: webhook_deliver without a content handler
--- config
    location @deliver {
        webhook_deliver q;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_deliver" needs a content handler, such as "proxy_pass", in its location in \S+/conf/nginx\.conf:\d+$}



=== TEST 34: webhook_deliver with return
--- config
    location @deliver {
        webhook_deliver q;
        return 200;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_deliver" needs a content handler, such as "proxy_pass", in its location in \S+/conf/nginx\.conf:\d+$}



=== TEST 35: webhook_deliver in a location with webhook
--- config eval: main::locations(undef, 'webhook munity; webhook_secret off;')
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_deliver" can't be used in a location with "webhook" in \S+/conf/nginx\.conf:\d+$}



=== TEST 36: webhook_deliver and webhook_queue
--- config
    location /hook/ {
        webhook munity;
        webhook_secret off;
        webhook_queue q;
        webhook_deliver q;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_deliver" can't be used in a location with "webhook" in \S+/conf/nginx\.conf:\d+$}



=== TEST 37: concurrency= of nobody
--- config
    location @deliver {
        webhook_deliver q concurrency=0;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "concurrency=0" in \S+/conf/nginx\.conf:\d+$}



=== TEST 38: concurrency= of no number
--- config
    location @deliver {
        webhook_deliver q concurrency=-1;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "concurrency=-1" in \S+/conf/nginx\.conf:\d+$}



=== TEST 39: concurrency= twice
--- config
    location @deliver {
        webhook_deliver q concurrency=1 concurrency=2;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "concurrency=2" in \S+/conf/nginx\.conf:\d+$}



=== TEST 40: timeout= of no time
--- config
    location @deliver {
        webhook_deliver q timeout=soon;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "timeout=soon" in \S+/conf/nginx\.conf:\d+$}



=== TEST 41: timeout= of none
--- config
    location @deliver {
        webhook_deliver q timeout=0;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "timeout=0" in \S+/conf/nginx\.conf:\d+$}



=== TEST 42: timeout= twice
--- config
    location @deliver {
        webhook_deliver q timeout=1s timeout=2s;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "timeout=2s" in \S+/conf/nginx\.conf:\d+$}



=== TEST 43: destination= of nothing
--- config
    location @deliver {
        webhook_deliver q destination=;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "destination=" in \S+/conf/nginx\.conf:\d+$}



=== TEST 44: destination= of an unknown variable
--- config
    location @deliver {
        webhook_deliver q destination=$nowhere;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
unknown "nowhere" variable



=== TEST 45: destination= twice
--- config
    location @deliver {
        webhook_deliver q destination=$host destination=$uri;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "destination=\$uri" in \S+/conf/nginx\.conf:\d+$}



=== TEST 46: webhook_deliver with an unknown parameter
--- config
    location @deliver {
        webhook_deliver q once;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "once" in \S+/conf/nginx\.conf:\d+$}



=== TEST 47: webhook_retry without webhook_deliver
--- config
    location /other/ {
        webhook_retry 5s;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_retry" needs "webhook_deliver" in \S+/conf/nginx\.conf:\d+$}



=== TEST 48: webhook_retry twice
--- config eval: main::locations('', 'webhook_retry 1s; webhook_retry 2s;')
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_retry" directive is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 49: webhook_retry without a time
--- config eval: main::locations('', 'webhook_retry;')
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid number of arguments in "webhook_retry" directive in \S+/conf/nginx\.conf:\d+$}



=== TEST 50: webhook_retry with what is no time
--- config eval: main::locations('', 'webhook_retry 1s soon;')
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid time "soon" in \S+/conf/nginx\.conf:\d+$}



=== TEST 51: webhook_retry at once
--- config eval: main::locations('', 'webhook_retry 1s 0;')
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid time "0" in \S+/conf/nginx\.conf:\d+$}



=== TEST 52: webhook_retry before 1970
--- config eval: main::locations('', 'webhook_retry -1s;')
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid time "-1s" in \S+/conf/nginx\.conf:\d+$}



=== TEST 53: what is allowed
--- http_config eval
"webhook_queue_path $ENV{TEST_NGINX_SERVROOT}/logs/queue queue=q max_size=128k keep_dead=1s;
webhook_queue_path $ENV{TEST_NGINX_SERVROOT}/logs/other queue=other keep_dead=1y max_size=10g;"
--- config eval
main::locations('', 'webhook_retry 1ms 1s 1m 1h 1d 1w;') . <<'END'
    location /other/ {
        webhook munity;
        webhook_secret off;
        webhook_queue other;
        if ($args) {
            set $x 1;
        }
        limit_except POST {
            deny all;
        }
    }
    location /deliver/ {
        webhook_deliver other concurrency=1000 destination=$host$uri;
        proxy_pass http://127.0.0.1:1/other/;
        if ($args) {
            set $x 1;
        }
        limit_except GET {
            deny all;
        }
        location /deliver/within/ {
            return 200;
        }
    }
END



=== TEST 54: a queue that is not delivered
--- config eval: main::locations('', undef)
--- error_log eval
[qr{\[warn\] .*webhook queue "q" is not delivered: no location has "webhook_deliver q" in \S+/conf/nginx\.conf:\d+$}m]



=== TEST 55: a queue that only is there
--- config
    # nothing of it
--- error_log eval
[qr{\[warn\] .*webhook queue "q" is not delivered: no location has "webhook_deliver q" in \S+/conf/nginx\.conf:\d+$}m]



=== TEST 56: webhook_deliver in a location of a regular expression
--- config
    location ~ ^/dr/(?<x>.*)$ {
        webhook_deliver q;
        proxy_pass http://127.0.0.1:1/$x;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_deliver" can't be used in a location that is given by a regular expression in \S+/conf/nginx\.conf:\d+$}



=== TEST 57: webhook_queue beside webhook_api
--- config
    location /hook/ {
        webhook_api;
        webhook_secret hush;
        webhook_queue q;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue" is used beside "webhook_api" in \S+/conf/nginx\.conf:\d+$}



=== TEST 58: webhook_queue beside webhook_status
--- http_config eval
"$main::Queue webhook_status_zone zone=st:128k;"
--- config
    location /hook/ {
        webhook_status zone=st;
        webhook_queue q;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_queue" is used beside "webhook_status" in \S+/conf/nginx\.conf:\d+$}
