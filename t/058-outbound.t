use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use NameServer;
use Sink;

# What must never be connected to, whatever a delivering location says: another
# host than the one that was judged.  And what happens to an endpoint, or to
# what is stored of it, while its events are sent.

use Test::More;
use Time::HiRes qw(time);

my $Root = $NginxProcess::Root;
my ($Front, $Inside, $Blind, $Plain, $Names)
    = map { NginxProcess::port($_) } 0, 1, 2, 8, 9;

my $Dns = NameServer->new(port => $Names, dir => $Root);
my $Sink = Sink->new(port => $Plain, dir => $Root);
my $Nginx = NginxProcess->new(name => 'outbound');

$Dns->set('good.test' => ['127.1.0.1']);
$Dns->set('other.test' => ['127.1.0.2']);
$Dns->set('localhost' => ['127.1.0.1']);

my $Good = "http://good.test:$Inside";
my $Address = "http://127.1.0.1:$Inside";
my $URL = 'proxy_pass $webhook_endpoint_url;';
my $Passed = 'an event for an endpoint is passed';
my $Read = 'an event for an endpoint is read before its content handler, or by '
           . 'one that has no upstream';

# Locations that send to where they should not: the directives, the URL, the
# host that is logged.  $other is a host that may be connected to as well.
my @Wrong = (
    [name => "proxy_pass http://\$other:$Inside;", $Good, 'other.test'],
    [longer => "proxy_pass http://good.test.x:$Inside\$request_uri;",
     $Good, 'good.test.x'],
    [shorter => "proxy_pass http://good.tes:$Inside\$request_uri;",
     $Good, 'good.tes'],
    [port => "proxy_pass http://good.test:$Plain\$request_uri;",
     $Good, 'good.test'],
    [noport => 'proxy_pass http://good.test$request_uri;',
     $Good, 'good.test'],
    [address => "proxy_pass http://127.0.0.1:$Inside\$request_uri;",
     $Address, '127.0.0.1'],
    [anyaddress => "proxy_pass http://127.1.0.2:$Inside\$request_uri;",
     $Good, '127.1.0.2'],
    [addressport => "proxy_pass http://127.1.0.1:$Plain\$request_uri;",
     $Address, '127.1.0.1'],
    [unix => "proxy_pass http://unix:$Root/inside:\$request_uri;",
     $Good, "$Root/inside"],
    [upstream => 'proxy_pass http://egress$request_uri;', $Good, 'egress'],
    [fastcgi => "fastcgi_pass \$other:$Inside;", $Good, 'other.test'],
    [rewrite => "rewrite ^ /moved last; $URL", $Good,
     'other.test'],
    [fallback => "try_files /none /moved; $URL", $Good,
     'other.test'],
    # who reads the body before
    [gate => "rewrite ^ /inner last; $URL", $Good],
    [mirrored => "mirror /copy; $URL", $Good],
);

# and to where they should
my @Right = (
    [same => "proxy_pass http://good.test:$Inside\$request_uri;", $Good],
    [cases => "proxy_pass http://GOOD.test:$Inside\$request_uri;", $Good],
    [judged => "proxy_pass http://127.1.0.1:$Inside\$request_uri;", $Good],
    [named => "try_files /none \@there; $URL", $Good],
    [redirect => "try_files /none /there; $URL", $Good],
    [last => "rewrite ^ /there last; $URL", $Good],
    [stream => "proxy_request_buffering off; proxy_http_version 1.1;"
     . " client_max_body_size 1; $URL", $Good],
    [file => "client_body_in_file_only clean; $URL", $Good],
    [buffer => "client_body_in_single_buffer on; client_body_buffer_size 1;"
     . " $URL", $Good],
    [mirror => "mirror /copy; mirror_request_body off; $URL", $Good],
    # there are upstreams of this name, with the first ports that are tried
    [hidden => $URL, "http://localhost:$Inside"],
);

my ($Queues, $Locations) = ('', '');

for (@Wrong, @Right) {
    my ($name, $text) = @$_;

    $Queues .= "webhook_queue_path $Root/$name.db queue=$name;\n";
    $Locations .= <<"END";
    location = /$name {
        webhook munity;
        webhook_queue $name endpoints=e;
    }

    location \@$name {
        webhook_deliver $name;
        webhook_retry 60s;
        $text
    }
END
}

my $Retry = join ' ', ('1s') x 60;

$Nginx->configure(workers => 1, http => <<"END");
log_not_found off;
resolver_timeout 2s;
map \$host \$other { default other.test; }
webhook_secret off;

webhook_zone zone=e:1m state=$Root/endpoints.db;
webhook_zone zone=full:64k state=$Root/full-endpoints.db;
$Queues
webhook_queue_path $Root/out.db queue=out;
webhook_queue_path $Root/full.db queue=full;
webhook_queue_path $Root/ops.db queue=ops;
webhook_queue_path $Root/tiny.db queue=tiny max_size=128k;
webhook_queue_path $Root/reported.db queue=reported;
webhook_queue_path $Root/quiet.db queue=quiet;
webhook_queue_path $Root/blind.db queue=blind;
webhook_queue_path $Root/blindstrict.db queue=blindstrict;
webhook_queue_path $Root/blindfixed.db queue=blindfixed;

upstream egress { server 127.0.0.1:$Plain; }

server {
    listen 127.0.0.1:$Front;
    resolver 127.0.0.1:$Names ipv6=off;
    webhook_endpoint_allow 127.1.0.0/16;

    location /api/ { webhook_endpoints zone=e ports=1-65535 http; }
    location /full/ { webhook_endpoints zone=full ports=1-65535 http; }
    location /admin { webhook_api; }

$Locations
    location = /moved {
        internal;
        proxy_pass http://\$other:$Inside;
    }

    location = /inner {
        internal;
        webhook munity;
        proxy_pass http://\$other:$Inside;
    }

    location = /there { internal; proxy_pass \$webhook_endpoint_url; }
    location \@there { proxy_pass \$webhook_endpoint_url; }

    location = /copy {
        proxy_pass http://127.0.0.1:$Plain/copy;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-URL "[\$webhook_endpoint_url]";
    }

    location = /unused1 { proxy_pass http://localhost:1; }
    location = /unused2 { proxy_pass http://localhost:2; }

    location = /out { webhook munity; webhook_queue out endpoints=e; }
    location = /broken { webhook munity; webhook_queue out endpoints=e; }
    location = /tofull { webhook munity; webhook_queue full endpoints=full; }
    location = /fill { webhook munity; webhook_queue tiny; }

    location = /reported {
        webhook munity;
        webhook_queue reported endpoints=e;
    }

    location = /quiet { webhook munity; webhook_queue quiet endpoints=e; }
    location = /blind { webhook munity; webhook_queue blind endpoints=e; }

    location = /blindstrict {
        webhook munity;
        webhook_queue blindstrict endpoints=e;
    }

    location = /blindfixed {
        webhook munity;
        webhook_queue blindfixed endpoints=e;
    }

    location \@out {
        webhook_deliver out report=ops;
        webhook_retry $Retry;
        $URL
    }

    location \@full {
        webhook_deliver full;
        webhook_retry $Retry;
        $URL
    }

    location \@reported {
        webhook_deliver reported report=tiny;
        $URL
    }

    location \@quiet { webhook_deliver quiet; $URL }

    location = /ops {
        internal;
        webhook_deliver ops;
        proxy_pass http://127.0.0.1:$Plain/ops;
    }

    location = /tiny {
        internal;
        webhook_deliver tiny;
        webhook_retry 1h;
        proxy_pass http://127.0.0.1:$Plain/tiny;
    }
}

# without a resolver
server {
    listen 127.0.0.1:$Blind;

    location \@blind {
        webhook_deliver blind;
        webhook_retry 60s;
        webhook_endpoint_allow 127.1.0.0/16;

        # not to another host than the one that is named here, it seems
        rewrite ^ /there last;
        proxy_pass http://egress;
    }

    location = /there { internal; proxy_pass \$webhook_endpoint_url; }

    location \@blindstrict {
        webhook_deliver blindstrict;
        webhook_retry 60s;
        proxy_pass http://egress;
    }

    location = /egress {
        internal;
        webhook_deliver blindfixed;
        webhook_retry 60s;
        proxy_pass http://egress/egress;
        proxy_set_header X-URL \$webhook_endpoint_url;
    }
}

# nobody must come here
server {
    listen 127.0.0.1:$Inside;
    listen 127.1.0.2:$Inside;
    listen unix:$Root/inside;
    access_log $Root/inside.log;
    return 200;
}

server {
    listen 127.1.0.1:$Inside;

    location / {
        proxy_pass http://127.0.0.1:$Plain;
        proxy_set_header Host \$http_host;
    }

    location /fails { return 500; }
    location /gone { return 410; }

    location /busy {
@{[join "\n", map { "add_header X-$_ x always;" } 1 .. 25]}
        add_header Retry-After 3600 always;
        return 429;
    }
}
END

$Nginx->start;

my $Client = NginxProcess::Client->new;

sub ask {
    my ($method, $uri, $body) = @_;

    my $answer = $Client->request($method, $uri, $body, defined $body
                                  ? ('Content-Type' => 'application/json') : ())
        or return 'no answer';

    return "$answer->{status} $answer->{body}";
}

sub put {
    my ($workspace, $url, $more, $api) = @_;
    $more = defined $more ? ",$more" : '';

    return ask(PUT => "/${\ ($api // 'api')}/workspaces/$workspace/webhook",
               "{\"url\":\"$url\"$more}");
}

sub endpoint {
    my ($workspace, $api) = @_;
    return ask(GET => "/${\ ($api // 'api')}/workspaces/$workspace/webhook");
}

sub forget {
    my $workspace = shift;
    is(ask(DELETE => "/api/workspaces/$workspace/webhook"), '204 ',
       "$workspace is deleted");
}

sub failing {
    my @endpoint = @_;
    return NginxProcess::wait_until(sub {
        endpoint(@endpoint) =~ /"failing_since":\d/;
    });
}

sub event {
    my ($workspace, $more) = @_;
    $more //= '';
    return "{\"workspace_id\":\"$workspace\",\"customer_id\":null,"
           . '"event":"integration_oauth_token_fixed","state":null,'
           . "\"payload\":{\"id\":1,\"more\":\"$more\"}}";
}

# sends an event, and returns its id
sub send_event {
    my ($to, $workspace) = @_;
    my $answer = ask(POST => $to, event($workspace));

    like($answer, qr/^202 .*"deliveries":1/, "an event of $workspace to $to");
    return $answer =~ /"id":"([^"]+)"/ ? $1 : '';
}

# what is told of it
sub told {
    my ($queue, $id) = @_;
    my $answer = ask(GET => "/admin/queues/$queue/events/$id");

    return {$answer =~ /"(state|due|attempts|status)":"?([^",}]+)/g};
}

# the same after an attempt, as "state attempts status"
sub attempted {
    my ($queue, $id) = @_;
    my $told;

    NginxProcess::wait_until(sub {
        $told = told($queue, $id);
        return $told->{attempts};
    });

    return join ' ', map { $told->{$_} // '?' } qw(state attempts status);
}

sub settled {
    my ($queue, $what) = @_;
    my $is;

    NginxProcess::wait_until(sub {
        my ($waiting, $dead) = ask(GET => "/admin/queues/$queue")
                               =~ /"waiting":(\d+),"dead":(\d+)/;
        $is = "$waiting $dead";
        return $is eq $what;
    });

    return $is;
}

# what has been logged since
sub logged {
    my $from = shift;
    return substr $Nginx->log, $from;
}

sub count { return scalar(() = $_[0] =~ /$_[1]/g) }


# --- where a location sends to

$Nginx->expect(qr/\[error\].*(?:$Passed|$Read)/);

for (@Wrong) {
    my ($name, undef, $url, $host) = @$_;
    my $from = length $Nginx->log;
    my $error = defined $host ? "$Passed to \"$host\", which is another host"
                              : $Read;

    like(put($name, "$url/$name"), qr/^201 /, "$name: registered");
    my $id = send_event("/$name", $name);

    is(attempted($name, $id), 'waiting 1 500', "$name: it fails");
    is(count(logged($from), qr/\[error\].*\Q$error\E/), 1,
       "$name: an error says so");
    ok(failing($name), "$name: and the endpoint does");
    forget($name);
}

is(scalar($Sink->got), 0, 'nothing is sent');

for (@Right) {
    my ($name, undef, $url) = @$_;

    like(put($name, "$url/$name"), qr/^201 /, "$name: registered");
    send_event("/$name", $name);

    is(settled($name, '0 0'), '0 0', "$name: delivered");
    is(join(' ', map { $_->{body} } $Sink->got("/$name")), event($name),
       "$name: it arrives");
    unlike(endpoint($name), qr/"failing_since":\d/, "$name: all is well");
}

my ($request) = $Sink->wait_for('/copy', 1);
is($request->{headers}{'x-url'}, '[]', 'a subrequest has no URL');



# --- without a resolver

$Nginx->expect(qr/\[error\].*no resolver defined to resolve good\.test/);

put(blind => "$Good/blind");
my $id = send_event('/blind', 'blind');
is(attempted('blind', $id), 'waiting 1 500', 'a name leads nowhere');
is(count($Nginx->log, qr/no resolver defined to resolve good\.test/), 1,
   'an error says so');
forget('blind');

put(blind => "$Address/address");
send_event('/blind', 'blind');
is(scalar($Sink->wait_for('/address', 1)), 1, 'an address does');

my $from = length $Nginx->log;
put(blind => 'http://localhost/');
$id = send_event('/blindstrict', 'blind');
is(attempted('blindstrict', $id), 'waiting 1 403', 'a special name');
is(count(logged($from), qr/\[warn\].*host "localhost" has a forbidden address/),
   1, 'a warning says so');

put(blind => "$Good/blind");
send_event('/blindfixed', 'blind');
($request) = $Sink->wait_for('/egress', 1);
is($request->{headers}{'x-url'}, "$Good/blind", 'a gateway of one\'s own');
is(scalar($Sink->got('/blind')), 0, 'is the only one');


# --- while an attempt is under way

# a name server that does not answer gives us two seconds
sub wait_for_resolver {
    my ($to, $workspace, $sub) = @_;
    my $name = "$workspace.test";

    $Dns->set($name => ['127.1.0.1']);
    like(put($workspace, "http://$name:$Inside/$workspace"), qr/^201 /,
         "$workspace: registered");
    $Dns->set($name => 'SILENT');

    # what was answered is good for a second
    sleep 2;

    my $asked = $Dns->asked($name);
    my $id = send_event($to, $workspace);
    ok(NginxProcess::wait_until(sub { $Dns->asked($name) > $asked }),
       "$workspace: under way");
    $sub->();
    return $id;
}

# in a queue that does not try again soon
$id = wait_for_resolver('/same', moved => sub {
    like(put(moved => "$Good/moved-to"), qr/^200 /, 'it gets another URL');
});
ok(NginxProcess::wait_until(sub {
    logged(0) =~ /"same": destination \w+ is failing, status 502/;
}), 'the old one fails');
is(told('same', $id)->{attempts}, 0, 'which costs the event no attempt');

# this is stored after what that would have changed
forget('busy') if put(busy => "$Address/busy") =~ /^201 /;
like(endpoint('moved'), qr/"failing_since":null/,
     'which says nothing of the new one');
forget('moved');

wait_for_resolver('/out', deleted => sub { forget('deleted') });
is(settled('out', '0 0'), '0 0', 'dropped');
like(endpoint('deleted'), qr/^404 /, 'it stays deleted');

$id = wait_for_resolver('/out', off => sub {
    put(off => "http://127.1.0.1:$Inside/off", '"enabled":false');
});
is(settled('out', '0 1'), '0 1', 'dead');
like(endpoint('off'), qr/"disabled_reason":"requested","failing_since":null/,
     'it is off, and no more than that');
is(scalar($Sink->got('/off')), 0, 'nothing is sent');
is(ask(DELETE => "/admin/queues/out/dead/$id"), '204 ', 'forgotten');


# --- many at once

# ten that begin together: what was put aside for an endpoint that is off
sub at_once {
    my ($workspace, $path) = @_;

    put($workspace, "$Address/fails");
    send_event('/out', $workspace) for 1 .. 10;
    put($workspace, "$Address/fails", '"enabled":false');
    is(settled('out', '0 10'), '0 10', "$workspace: ten are dead");
    like(put($workspace, "$Address/$path"), qr/"failing_since":null/,
         "$workspace: it is on again");
    is(ask(POST => '/admin/queues/out/dead/replay'), qq(200 {"replayed":10}\n),
       "$workspace: and they are due");
}

at_once(together => 'fails');
ok(failing('together'), 'all fail, and it does');
forget('together');
is(settled('out', '0 0'), '0 0', 'dropped');

$Nginx->expect(qr/\[error\].*event [0-9a-f-]{36} is dead after attempt/);
at_once(gone => 'gone');
is(settled('out', '0 10'), '0 10', 'all are answered 410');
like(endpoint('gone'), qr/"disabled_reason":"gone"/, 'it is switched off');
is(settled('ops', '0 0'), '0 0', 'reported');
NginxProcess::wait_until(sub { return scalar($Sink->got('/ops')) });
is(scalar($Sink->got('/ops')), 1, 'once');
is(count($Nginx->log, qr/the endpoint of workspace "gone" is switched off/), 1,
   'and logged once');
my @dead = ask(GET => '/admin/queues/out/dead') =~ /"id":"([^"]+)"/g;
is(join(' ', map { ask(DELETE => "/admin/queues/out/dead/$_") } @dead),
   join(' ', ('204 ') x 10), 'forgotten');


# --- what can't be stored

# a zone without room has it for what becomes of an endpoint
my $NotStored = qr/what became of a workspace's endpoint could not be stored/;
$Nginx->expect(qr/\[crit\].*$NotStored/);

put(w0 => "$Address/fails", undef, 'full');
my $n = 0;
do { $n++ } while put("w$n", "$Address/fails", undef, 'full') =~ /^201 /;
cmp_ok($n, '>', 20, 'the zone is full');
like(put("w$n", "$Address/fails", undef, 'full'),
     qr/^503 .*"reason":"zone_full"/, 'there is no room for another one');

$id = send_event('/tofull', 'w0');
is(attempted('full', $id), 'waiting 1 500', 'an attempt fails');
ok(failing('w0', 'full'), 'which is stored');
is(count($Nginx->log, $NotStored), 0, 'in the place of what was there');
is(ask(DELETE => '/full/workspaces/w0/webhook'), '204 ', 'deleted');
is(settled('full', '0 0'), '0 0', 'dropped');

# a queue without room for a report
$Sink->answer('/tiny' => 500);
$Nginx->expect(qr/\[crit\].*webhook queue "\S+" is full: an event was refused/,
               qr/\[crit\].*webhook queue "tiny" could not take the report/);

for my $more ('x' x 1000, '') {
    1 while ask(POST => '/fill', event('w', $more)) =~ /^202 /;
}
like(ask(POST => '/fill', event('w')), qr/^503 .*"reason":"queue_full"/,
     'the queue is full');

$from = length $Nginx->log;
put(unreported => "$Address/gone");
send_event('/reported', 'unreported');
is(settled('reported', '0 1'), '0 1', 'an attempt is answered 410');
ok(NginxProcess::wait_until(sub {
    logged($from) =~ /"tiny" could not take the report of an endpoint/;
}), 'which can\'t be reported');
like(endpoint('unreported'), qr/"disabled_reason":"gone"/,
     'but it is switched off');


# where there is no report, it is logged all the same
put(quiet => "$Address/gone");
$from = length $Nginx->log;
$id = send_event('/quiet', 'quiet');
is(settled('quiet', '0 1'), '0 1', 'an attempt is answered 410');
like(endpoint('quiet'), qr/"disabled_reason":"gone"/, 'it is switched off');
is(count(logged($from), qr/the endpoint of workspace "quiet" is switched off/),
   1, 'and nothing but logged');

# files that a worker does not find
sub away {
    my ($files, $sub) = @_;
    my ($worker) = $Nginx->workers;

    rename "$Root/$_", "$Root/$_.away" for @$files;
    kill TERM => $worker;
    NginxProcess::wait_until(sub {
        my ($now) = $Nginx->workers;
        return $now && $now != $worker;
    });
    $Client->close;

    $sub->();
    rename "$Root/$_.away", "$Root/$_" for @$files;
}

my $Failed = qr/^503 .*"reason":"store_failed"/;

$Nginx->expect(qr/\[emerg\].*"\Q$Root\E\/(?:tiny|$Wrong[0][0]|endpoints)\.db"/);
put($_ => "$Address/gone") for 'away1', 'away2';

away(['tiny.db', "$Wrong[0][0].db"], sub {
    like(ask(POST => '/api/workspaces/away1/webhook/test'), $Failed,
         'the queue of a test is away');

    $from = length $Nginx->log;
    send_event('/reported', 'away1');
    is(settled('reported', '0 2'), '0 2', 'an attempt is answered 410');
    ok(NginxProcess::wait_until(sub {
        logged($from) =~ /"tiny" could not take the report of an endpoint/;
    }), 'the queue of a report is away');
    like(endpoint('away1'), qr/"disabled_reason":"gone"/, 'it is switched off');
});

away(['endpoints.db'], sub {
    like(put(away3 => $Good), $Failed, 'the state is away: nothing is made');
    like(put(away2 => $Good), $Failed, 'or changed');
    like(ask(DELETE => '/api/workspaces/away2/webhook'), $Failed,
         'or deleted');
    like(endpoint('away2'), qr/^200 .*"url":"$Address\/gone"/, 'it is there');

    $from = length $Nginx->log;
    send_event('/reported', 'away2');
    is(settled('reported', '0 3'), '0 3', 'an attempt is answered 410');
    ok(NginxProcess::wait_until(sub { logged($from) =~ /$NotStored/ }),
       'which can\'t be stored');
    like(endpoint('away2'), qr/"enabled":true/, 'it is not switched off');
});

NginxProcess::wait_until(sub { put(away2 => "$Good/away2") =~ /^200 / });
send_event('/reported', 'away2');
is(scalar($Sink->wait_for('/away2', 1)), 1, 'it is back');


# --- an answer with many headers

put(busy => "$Address/busy");
$from = -s "$Root/logs/error.log";
$id = send_event('/out', 'busy');
ok(NginxProcess::wait_until(sub { logged($from) =~ /status 429: .* in 3600000/ }),
   'Retry-After is found among many others, and is what is waited for');
forget('busy');
put(busy => "$Good/notbusy");
is(told('out', $id)->{state}, 'waiting', 'it waits');


# --- what somebody else has stored

put(event => "$Address/fails");
put(url => "http://old.good.test:$Inside/fails");
put(endpoint => "$Address/fails");
$Dns->set('old.good.test' => ['127.1.0.1']);
put(url => "http://old.good.test:$Inside/fails");

my %id = (event => send_event('/broken', 'event'),
          url => send_event('/out', 'url'),
          endpoint => send_event('/out', 'endpoint'));
attempted('out', $_) for values %id;
is($Nginx->stop, 1, 'it is stopped');

sub change {
    my ($name, $from, $to) = @_;
    my $text = NginxProcess::read_file("$Root/$name");

    ok($text =~ s/\Q$from\E/$to/g, "$name is changed");
    NginxProcess::write_file("$Root/$name", $text);
}

# the length of a text; a host; whose endpoint it is
change('out.db', "\0\0\0\x07/broken", "\x7f\xff\xff\xff/broken");
change('endpoints.db', 'http://old.good.test', 'http://old_good.test');
change('endpoints.db', '"workspace_id":"endpoint"',
       '"workspace_id":"Endpoint"');

$from = length $Nginx->log;
$Nginx->expect(qr/\[error\].*webhook queue "out" has an invalid event \d+/,
               qr/\[crit\].*webhook zone "e" has an invalid endpoint \d+/);
$Nginx->start;
$Client->close;

NginxProcess::wait_until(sub {
    ask(GET => '/admin/queues/out/dead') =~ /"id"/;
});
like(ask(GET => '/admin/queues/out/dead'),
     qr/^200\ \{"dead":\[\{"id":"$id{event}","state":"dead",[^{}]*
        "status":410,"error":"gone"\}\]\}\n\z/x,
     'an event that can\'t be read is dead');
like(ask(GET => "/admin/queues/out/events/$id{event}"),
     qr/^503 .*"reason":"store_failed"/, 'it can\'t be shown');
is(ask(DELETE => "/admin/queues/out/dead/$id{event}"), '204 ',
   'but be deleted');
is(count(logged($from), qr/webhook queue "out" has an invalid event/), 1,
   'an error says so');
like(endpoint('event'), qr/"enabled":true/, 'it says nothing of its endpoint');

NginxProcess::wait_until(sub { told('out', $id{url})->{status} == 403 });
is(told('out', $id{url})->{status}, 403, 'an URL that is not taken any more');
like(put(url => "$Good/url"), qr/^200 /, 'another one');
is(scalar($Sink->wait_for('/url', 1)), 1, 'the event arrives');

like(endpoint('endpoint'), qr/^503 .*"reason":"store_failed"/,
     'an endpoint that can\'t be read');
like(ask(POST => '/out', event('endpoint')), qr/^503 .*"reason":"store_failed"/,
     'takes no events');
is(told('out', $id{endpoint})->{state}, 'waiting', 'and those it has wait');

is(-s "$Root/inside.log", 0, 'nobody has come inside, ever');

$Nginx->expect(qr/destination \w+ is failing, status (?:502|429): /);
$Nginx->finish;


# --- nginx quits while a host is looked up

$Nginx = NginxProcess->new(name => 'lookup');
$Nginx->configure(workers => 1, main => 'worker_shutdown_timeout 500ms;',
                  http => <<"END");
webhook_secret off;
webhook_zone zone=e:1m state=$Root/lookup-endpoints.db;
webhook_queue_path $Root/lookup.db queue=out;

server {
    listen 127.0.0.1:$Front;
    resolver 127.0.0.1:$Names ipv6=off valid=1s;
    resolver_timeout 60s;
    webhook_endpoint_allow 127.1.0.0/16;

    location /api/ { webhook_endpoints zone=e ports=1-65535 http; }
    location /admin { webhook_api; }

    location = /out {
        webhook munity;
        webhook_queue out endpoints=e;
    }

    location \@out { webhook_deliver out; $URL }
}

server {
    listen 127.1.0.1:$Inside;
    location / { proxy_pass http://127.0.0.1:$Plain; }
}
END

$Nginx->start;
$Client = NginxProcess::Client->new;

$id = wait_for_resolver('/out', lookup => sub {
    my ($worker) = $Nginx->workers;

    ok($Nginx->reload(keep => 1), 'a reload');
    ok(NginxProcess::wait_until(sub { !NginxProcess::alive($worker) }, 10),
       'the old worker does not wait for the name server');
});

$Client = NginxProcess::Client->new;
$Dns->set('lookup.test' => ['127.1.0.1']);
is(scalar($Sink->wait_for('/lookup', 1)), 1, 'the new one delivers');
is(settled('out', '0 0'), '0 0', 'and nothing is left');

$Nginx->finish;
done_testing();
