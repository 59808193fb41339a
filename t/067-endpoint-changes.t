use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Sink;

# What becomes of events, and of endpoints, when something is lost: the state
# file, a process, room in the zone.

use Test::More;

my $Root = $NginxProcess::Root;
my ($Front, $Plain) = map { NginxProcess::port($_) } 0, 8;

my $Sink = Sink->new(port => $Plain, dir => $Root);
my $Nginx = NginxProcess->new(name => 'changes');

sub configure {
    my %with = (more => '', locations => '', deliver => '', retry => join(' ', ('1s') x 60), @_);

    $Nginx->configure(workers => 1, http => <<"END");
log_not_found off;
resolver 127.0.0.1:1;
webhook_endpoint_allow 127.0.0.0/8;
webhook_zone zone=e:1m state=$Root/endpoints.db;
webhook_queue_path $Root/out.db queue=out;
webhook_status_zone zone=status:256k;
$with{more}

server {
    listen 127.0.0.1:$Front;
    webhook_secret off;

    location /api/ { webhook_endpoints zone=e ports=1-65535 http; }
    location /admin { webhook_api; }
    location /status { webhook_status zone=status prometheus; }
    location = /events { webhook munity; webhook_queue out endpoints=e; }
    $with{locations}

    location \@send {
        webhook_deliver out $with{deliver};
        webhook_retry $with{retry};
        proxy_pass \$webhook_endpoint_url;
    }
}
END
}

configure();
$Nginx->start;

my $Client = NginxProcess::Client->new;

sub ask {
    my ($method, $uri, $body) = @_;

    my $answer = $Client->request($method, $uri, $body, defined $body
                                  ? ('Content-Type' => 'application/json') : ())
        or return 'no answer';

    return "$answer->{status} $answer->{body}";
}

# A worker that quits closes the connection.
sub reload {
    ok($Nginx->reload, 'reloaded');
    $Client = NginxProcess::Client->new;
}

sub put {
    my ($workspace, $path) = @_;
    return ask(PUT => "/api/workspaces/$workspace/webhook",
               "{\"url\":\"http://127.0.0.1:$Plain$path\"}");
}

sub event {
    my $workspace = shift;
    return "{\"workspace_id\":\"$workspace\",\"customer_id\":null,"
           . '"event":"integration_oauth_token_fixed","state":null,'
           . '"payload":{"id":1}}';
}

sub send_event {
    my $workspace = shift;
    my $answer = ask(POST => '/events', event($workspace));

    like($answer, qr/^202 .*"deliveries":1/, "an event of $workspace");
}

# "<waiting> <dead>" of the queue, once it is what is expected
sub settled {
    my $expected = shift;
    my $now;

    NginxProcess::wait_until(sub {
        ask(GET => '/admin/queues/out') =~ /"waiting":(\d+),"dead":(\d+)/
            or return 0;
        $now = "$1 $2";
        $now eq $expected;
    });

    return $now;
}

sub endpoint { ask(GET => "/api/workspaces/$_[0]/webhook") }


# --- the state file is lost while events wait

$Sink->answer('/down' => 500);
like(put($_ => '/down'), qr/^201 /, "$_ is registered") for 'lost', 'deleted';
send_event('lost') for 1 .. 3;
send_event('deleted');

is(ask(DELETE => '/api/workspaces/deleted/webhook'), '204 ', 'one is deleted');
is(settled('3 0'), '3 0', 'its event is dropped');

$Nginx->stop;
unlink "$Root/endpoints.db", "$Root/endpoints.db-lock";
$Nginx->start;

$Nginx->expect(qr/\[warn\].*event [0-9a-f-]{36} is dead: its endpoint is not known, and was not deleted \(endpoint_gone\)/);
is(settled('0 3'), '0 3', 'without a deletion that is known they are kept');
like(ask(GET => '/status'), qr/^nginx_webhook_endpoint_gone_total\{queue="out"\} 3$/m,
     'and counted');

$Sink->answer('/down' => 200);
my $before = () = $Sink->got('/down');
like(put(lost => '/down'), qr/^201 /, 'it is registered again');
is(ask(POST => '/admin/queues/out/dead/replay'), qq(200 {"replayed":3}\n),
   'and they are replayed');
is(settled('0 0'), '0 0', 'all are delivered');
is(scalar(my @got = $Sink->got("/down")) - $before, 3, 'there');


# --- "give_up" is about an endpoint that fails all the time

configure(deliver => 'give_up=9s', retry => '30s');
reload();
like(put(quiet => '/down'), qr/^201 /, 'one that is seldom asked');
$Sink->answer('/down' => 500);
send_event('quiet');
ok(NginxProcess::wait_until(sub { endpoint('quiet') =~ /"failing_since":\d/ }),
   'it fails once');
my ($since) = endpoint('quiet') =~ /"failing_since":(\d+)/;
sleep 10;
send_event('quiet');
ok(NginxProcess::wait_until(sub {
       endpoint('quiet') =~ /"failing_since":(\d+)/ && $1 > $since;
   }), 'the next failure, after a silence, is the first one again');
like(endpoint('quiet'), qr/"enabled":true/, 'it is not switched off');

# while one that fails time and again is
configure(deliver => 'give_up=9s');
reload();
like(put(often => '/down'), qr/^201 /, 'with an attempt each second');
send_event('often');
$Nginx->expect(qr/\[warn\].*endpoint of workspace "often" is switched off: failing/);
ok(NginxProcess::wait_until(sub { endpoint('often') =~ /"enabled":false/ }, 30),
   'one that fails time and again is switched off');
like(endpoint('often'), qr/"disabled_reason":"failing"/, 'as failing');

# what arrives now can be replayed
ask(DELETE => '/api/workspaces/quiet/webhook');
my $dead;
ok(NginxProcess::wait_until(sub {
       ask(GET => '/admin/queues/out') =~ /"waiting":0,"dead":([1-9]\d*)/
           and $dead = $1;
   }), 'what waited for it is dead');
send_event('often') for 1, 2;
$dead += 2;
is(settled("0 $dead"), "0 $dead", 'and so is what arrives now');
$Sink->answer('/down' => 200);
put(often => '/down');
is(ask(POST => '/admin/queues/out/dead/replay'), qq(200 {"replayed":$dead}\n),
   'it is on again');
is(settled('0 0'), '0 0', 'all are delivered');

$Nginx->expect(qr/event [0-9a-f-]{36} is dead after attempt/);
$Sink->answer('/gone' => 410);
$Nginx->expect(qr/\[warn\].*endpoint of workspace "gone" is switched off: gone/);
put(gone => '/gone');
send_event('gone');
ok(NginxProcess::wait_until(sub { endpoint('gone') =~ /"enabled":false/ }),
   'one that has answered 410');
like(ask(POST => '/events', event('gone')), qr/^202 .*"deliveries":0/,
     'gets nothing any more');


# --- a state that is full

configure(more => <<"END", locations => <<'END');
webhook_zone zone=f:4m state=$Root/full.db state_size=256k;
webhook_queue_path $Root/some.db queue=some;
END
    location /full/ { webhook_endpoints zone=f ports=1-65535 http; }
    location = /some { webhook munity; webhook_queue some endpoints=f; }

    location @some {
        webhook_deliver some;
        webhook_retry 60s;
        proxy_pass $webhook_endpoint_url;
    }
END
reload();

sub put_full {
    my ($workspace, $path, $more) = @_;
    return ask(PUT => "/full/workspaces/$workspace/webhook",
               "{\"url\":\"http://127.0.0.1:$Plain$path\"" . ($more // '')
               . '}');
}

$Nginx->expect(qr/\[crit\].*"\Q$Root\E\/full.db" could not be written: .*FULL/,
               qr/\[warn\].*endpoint of workspace "w1" is switched off: gone/);

my $n = 0;
$n++ while put_full("w$n", '/gone?' . 'x' x 1000) =~ /^201 /;
cmp_ok($n, '>', 20, "a state is full of $n endpoints");
like(put_full('another', '/gone'), qr/^503 .*"reason":"store_failed"/,
     'there is no room for another one');
like(put_full(w0 => '/gone?' . 'x' x 2000), qr/^503 .*"reason":"store_failed"/,
     'nor for a longer one');

for my $round (1 .. 3) {
    like(put_full("w$_", '/gone?' . 'x' x 1000, ',"enabled":false'),
         qr/^200 .*"enabled":false/, "w$_ can be switched off")
        for 0, $n - 1;
    like(put_full("w$_", '/gone?' . 'y' x 1000), qr/^200 .*"enabled":true/,
         'and on') for 0, $n - 1;
}

$Sink->answer('/gone?' . 'x' x 1000 => 410);
like(ask(POST => '/some', event('w1')), qr/^202 .*"deliveries":1/, 'an event');
ok(NginxProcess::wait_until(sub {
       ask(GET => '/full/workspaces/w1/webhook') =~ /"disabled_reason":"gone"/
   }), 'and that its endpoint has answered 410 is written down');
is(ask(DELETE => "/full/workspaces/w$_/webhook"), '204 ', "w$_ is deleted")
    for 2 .. 12;
like(put_full('another', '/gone'), qr/^201 /, 'which makes room');


# --- a report that can't be made

configure(deliver => 'report=ops', more => <<"END", locations => <<"EOT");
webhook_queue_path $Root/ops.db queue=ops max_size=128k;
END
    location = /fill { webhook munity; webhook_queue ops; }

    location \@ops {
        webhook_deliver ops concurrency=16;
        webhook_retry 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s;
        proxy_set_header X-Id \$webhook_id;
        proxy_set_header X-Name \$webhook_event;
        rewrite ^ /ops break;
        proxy_pass http://127.0.0.1:$Plain;
    }
EOT
reload();

sub reports {
    return grep { $_->{headers}{'x-name'} eq 'webhook_endpoint_disabled' }
           $Sink->got('/ops');
}

$Nginx->expect(qr/\[crit\].*webhook queue "ops" is full: an event was refused/,
               qr/\[crit\].*webhook queue "ops" could not take the report of an/,
               qr/endpoint of workspace "reported\d" is switched off: gone/,
               qr/\[warn\].*(?:"ops" is|fails|failing)/);

$Sink->answer('/ops' => 500);
$Sink->answer("/gone$_" => 410) for 1, 2;

for my $more ('x' x 1000, '') {
    my $event = event('w');
    $event =~ s/"id":1/"id":1,"more":"$more"/;
    1 while ask(POST => '/fill', $event) =~ /^202 /;
}

like(put("reported$_" => "/gone$_"), qr/^201 /, 'registered') for 1, 2;
send_event("reported$_") for 1, 2;

ok(NginxProcess::wait_until(sub {
       2 <= (() = $Nginx->log =~ /"ops" could not take the report/g);
   }), 'its queue is full');
like(endpoint("reported$_"), qr/"disabled_reason":"gone"/,
     'what is to be reported has happened') for 1, 2;

# What a customer has changed since need not be told.
put(reported2 => '/well');
$Nginx->stop('KILL');
$Sink->answer('/ops' => 200);
$Nginx->start;
$Client = NginxProcess::Client->new;

ok(NginxProcess::wait_until(sub { reports() }),
   'the report is made after a crash');
like((reports())[0]{body}, qr/"workspace_id":"reported1".*"reason":"gone"/,
     'as it was');
like((reports())[0]{body}, qr/"url":"[^"]+\/gone1",.*"status":410/,
     'with what was answered');
like((reports())[0]{headers}{'x-id'}, qr/^[0-9a-f-]{36}-\d+$/, 'and its id');

$Nginx->stop;
$Nginx->start;
$Client = NginxProcess::Client->new;
sleep 3;
is(scalar(() = reports()), 1, 'and once');

$Nginx->finish;
done_testing();
