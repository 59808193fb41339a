package QueueTest;

# An nginx with one queue, "q", and the events that are sent to it.
#
#     my $nginx = QueueTest::nginx('name', retry => '1s', more => '...');
#     my $answer = QueueTest::send_event($client, 'X-Do' => '500, 200');
#
# Events are posted to /hook/ on port(0), and delivered to a Destination on
# port(1).

use strict;
use warnings;

use Exporter qw(import);
use NginxProcess;
use Test::More ();

our @EXPORT_OK = qw(config nginx event send_event send_events client id waiting
                    dead drained descriptors numbers sorted);

our $Json = 'application/json';

# The number of the last event
my $Number = 0;


# http, server, hook, deliver, more: what is added at that level, to the
# directive webhook_deliver, and in its location; queue: parameters of
# webhook_queue_path; retry; location: where it is; pass: its content handler;
# from: instead of what takes events; the rest is configure()'s
sub config {
    my ($nginx, %with) = @_;
    my $port = NginxProcess::port(0);
    my $to = NginxProcess::port(1);

    $_ //= '' for @with{qw(http server hook deliver more queue)};
    $with{retry} //= '100ms 100ms 100ms';
    $with{location} //= '@deliver';
    $with{path} //= "$NginxProcess::Root/queue.$nginx->{name}";
    $with{pass} //= "proxy_pass http://127.0.0.1:$to;";
    $with{from} //= <<END;
        location /hook/ {
            webhook munity unknown=pass;
            webhook_secret off;
            webhook_queue q;
            $with{hook}
        }
END

    my $pass = $with{location} eq '' ? '' : <<END;
        location $with{location} {
            webhook_deliver q $with{deliver};
            webhook_retry $with{retry};
            proxy_set_header Webhook-Id \$webhook_id;
            proxy_set_header X-Attempt \$webhook_attempt;
            $with{more}
            $with{pass}
        }
END

    $nginx->configure(%with, http => <<END);
    client_max_body_size 8m;
    # A newer nginx has another default.
    proxy_http_version 1.0;
    $with{http}

    webhook_queue_path $with{path} queue=q $with{queue};

    server {
        listen 127.0.0.1:$port;
        $with{server}

        location /api/ {
            webhook_api;
            webhook_secret off;
        }

$with{from}
$pass
    }
END

    return $nginx;
}

# One that runs
sub nginx {
    my ($name, %with) = @_;
    my $nginx = NginxProcess->new(name => $name);

    config($nginx, %with)->start;

    my $n = $with{workers} // 2;
    NginxProcess::wait_until(sub { $nginx->workers == $n })
        if ($with{main} // '') !~ /master_process off/;

    return $nginx;
}

sub client { return NginxProcess::Client->new(@_) }

# The body of another event, with a number by which it is known
sub event {
    my $more = shift // '';
    $Number++;
    return qq({"workspace_id":"w","customer_id":null,"event":"e","state":null,)
           . qq("payload":{"n":$Number,"more":"$more"}});
}

# The numbers of what was seen
sub numbers { return map { $_->{body} =~ /"n":(\d+)/ ? $1 : '?' } @_ }

sub send_event {
    my ($client, %headers) = @_;
    my $body = delete $headers{body} // event();
    my $uri = delete $headers{uri} // '/hook/x';

    return $client->request(POST => $uri, $body, 'Content-Type' => $Json,
                            %headers);
}

# So many events, one after the other; returns the numbers of those that were
# acknowledged
sub send_events {
    my ($n, %headers) = @_;
    my $client = client();
    my @numbers;

    for (1 .. $n) {
        my $body = event();
        push @numbers, numbers({body => $body})
            if id(send_event($client, %headers, body => $body));
    }

    return @numbers;
}

# What an accepted event is called
sub id {
    my $answer = shift;
    return if !$answer || $answer->{status} != 202;
    return $answer->{body} =~ /^\{"id":"([0-9a-f-]{36})"\}\n\z/ ? $1 : undef;
}

sub sorted { return [sort { $a <=> $b } @_] }

# A number of the queue, by its name in webhook_api
my $gauge = sub {
    my $name = shift;
    my $answer = client()->request(GET => '/api/queues/q');
    return $answer && $answer->{body} =~ /"\Q$name\E":(\d+)/ ? $1 : undef;
};

sub waiting { return $gauge->('waiting') }
sub dead { return $gauge->('dead') }

# How long the oldest one has waited, in seconds
sub age { return $gauge->('oldest_seconds') // -1 }

# Waits until nothing is left to be delivered.
sub drained {
    my $patience = shift;
    return NginxProcess::wait_until(sub { (waiting() // 1) == 0 }, $patience);
}

# How many descriptors a process has
sub descriptors {
    my $pid = shift;
    opendir my $dir, "/proc/$pid/fd" or return;
    return scalar grep { /^\d+$/ } readdir $dir;
}

1;
