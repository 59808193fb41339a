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
webhook_zone zone=full:64k;
$Queues
webhook_queue_path $Root/out.db queue=out;
webhook_queue_path $Root/full.db queue=full;
webhook_queue_path $Root/ops.db queue=ops;
webhook_queue_path $Root/tiny.db queue=tiny max_size=128k;
webhook_queue_path $Root/reported.db queue=reported;
webhook_queue_path $Root/blind.db queue=blind;
webhook_queue_path $Root/blindstrict.db queue=blindstrict;
webhook_queue_path $Root/blindfixed.db queue=blindfixed;

upstream egress { server 127.0.0.1:$Plain; }

server {
    listen 127.0.0.1:$Front;
    resolver 127.0.0.1:$Names ipv6=off;
    webhook_endpoint_allow 127.1.0.0/16;

    location /api/ { webhook_endpoints zone=e http; }
    location /full/ { webhook_endpoints zone=full http; }
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
        $URL
    }

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

$Nginx->finish;
done_testing();
