use strict;
use warnings;

use lib 't/lib';
use Answers qw(echo);
use NginxProcess;
use Registrations qw($App @Token @Json client uuid get remove);
use Test::More;

# Where a zone or the threads come to their limits, registrations are as good
# as elsewhere.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;

# zone: its size; state: its file; more: see NginxProcess
sub config {
    my ($nginx, %with) = @_;
    my $port = NginxProcess::port(0);
    my $upstream = NginxProcess::port(1);
    my $echo = echo(port => $upstream);

    $nginx->configure(%with, http => <<END);
    webhook_zone zone=hooks:$with{zone} state=$Root/$with{state};
    webhook_zone zone=others:1m state=$Root/$with{state}.others;

    webhook_app $App environment=1 token=t0ken;

    server {
        listen 127.0.0.1:$port;
        add_header X-Pid \$pid always;

        location /app/ {
            webhook lenra zone=hooks;
        }

        location /others/app/ {
            webhook lenra zone=others;
        }

        location /apps/ {
            webhook lenra zone=hooks;
            proxy_pass http://127.0.0.1:$upstream;
        }
    }

    $echo
END

    return $nginx;
}

sub create {
    my ($client, $action, $props, $zone) = @_;
    return $client->request(POST => ($zone // '') . '/app/webhooks',
                            qq({"action":"$action","props":$props}),
                            @Token, @Json);
}

sub trigger {
    my ($client, $uuid, $app) = @_;
    $app //= $App;
    return $client->request(POST => "/apps/$app/webhooks/$uuid", '{}', @Json);
}

sub triggered {
    my ($action, $props) = @_;
    return qq({"action":"$action","props":$props,"event":{}});
}

sub listed {
    my ($client, $zone) = @_;
    my $body = $client->request(GET => ($zone // '')
                                       . '/app/webhooks?limit=1000', undef,
                                @Token)->{body};
    return $body =~ /"uuid":"([^"]+)"/g;
}

# The answer of one of several workers
sub through {
    my ($pid, $all, $sub, @arguments) = @_;

    return NginxProcess::only($pid, $all, sub {
        my $answer = $sub->(client(), @arguments);
        is($answer->{headers}{'x-pid'}, $pid, 'it is the worker that is meant')
            if $answer->{headers}{'x-pid'};
        return $answer;
    });
}


subtest 'texts of all lengths, also after a restart' => sub {
    my $nginx = config(NginxProcess->new(name => 'texts'), zone => '4m',
                       state => 'texts');
    my @made;

    $nginx->start;

    # A text is kept in blocks of up to a page: the action ends, and the
    # properties begin, at all places of one, and in the next ones.
    for my $length (1, 100, 2000, 4070 .. 4090, 5000, 8150 .. 8170, 20000) {
        for my $more (2, 4080, 9000) {
            my $action = 'a' x $length;
            my $props = '{"p":"' . 'b' x $more . '"}';
            push @made, [uuid(create(client(), $action, $props)), $action,
                         $props];
        }
    }

    is(scalar(grep { !defined $_->[0] } @made), 0, 'all are created');

    for my $when ('at once', 'afterwards') {
        my $client = client();
        my @wrong = grep {
            my ($uuid, @text) = @$_;
            trigger($client, $uuid)->{body} ne triggered(@text)
                || get($client, $uuid)->{body} !~
                   /"action":"$text[0]","props":\Q$text[1]\E,/
        } @made;

        is_deeply([map { length $_->[1] } @wrong], [], "and the same $when");

        if ($when eq 'at once') {
            $nginx->stop;
            $nginx->start;
        }
    }

    $nginx->finish;
};


subtest 'threads that take no more tasks' => sub {
    my $nginx = config(NginxProcess->new(name => 'threads'), zone => '1m',
                       state => 'threads', workers => 1,
                       main => "thread_pool default threads=1 max_queue=0;\n");

    $nginx->start;
    $nginx->expect(qr/thread pool "default" queue overflow/);

    # Those of both zones at once are one too many for the thread.
    my @zones = map { $_ % 2 ? '' : '/others' } 1 .. 320;
    my @answers = NginxProcess::all(sub { create($_[0], 'n', '{}', $_[1]) },
                                    @zones);
    my %uuids;
    push @{$uuids{$zones[$_]}}, uuid($answers[$_]) // () for 0 .. $#zones;

    is(scalar(map { @$_ } values %uuids), 320, 'webhooks are created');
    ok($nginx->log =~ /queue overflow/, 'also by the event loop itself');

    # If they had not been committed, they would be gone.
    $nginx->stop('KILL');
    config($nginx, zone => '1m', state => 'threads');
    $nginx->start;

    is_deeply([sort(listed(client(), $_))], [sort @{$uuids{$_}}], 'durably')
        for '', '/others';

    $nginx->finish;
};


subtest 'another nginx registers more than there is room for' => sub {
    my $nginx = config(NginxProcess->new(name => 'more'), zone => '32k',
                       state => 'more');

    $nginx->start;
    $nginx->expect(qr/webhook zone "hooks" is full: lists are incomplete/);

    my $first = uuid(create(client(), 'first', '{}'));
    my $old = $nginx->master;
    my @old = $nginx->workers;

    # The new binary reads another size.
    config($nginx, zone => '4m', state => 'more');
    kill USR2 => $old;

    wait_until(sub {
        my $new = $nginx->master;
        return $new && $new != $old && NginxProcess::workers_of($new) == 2;
    }) or BAIL_OUT('the new binary does not start');

    my $new = $nginx->master;
    my @new = NginxProcess::workers_of($new);
    my @all = (@old, @new);
    my $props = '{"text":"' . 'x' x 500 . '"}';
    my @uuids;

    NginxProcess::only($new[0], \@all, sub {
        my $client = client();
        push @uuids, uuid(create($client, "n$_", $props)) for 1 .. 200;
    });

    is(scalar(grep { defined } @uuids), 200, 'they are created in the new one');

    NginxProcess::only($old[0], \@all, sub {
        my $client = client();

        is(scalar(grep { trigger($client, $uuids[$_ - 1])->{body}
                         ne triggered("n$_", $props) } 1 .. 200), 0,
           'all of them can be triggered through the old one');
        is(scalar(grep { get($client, $_)->{status} != 200 } $first, @uuids), 0,
           'and shown');
        is(trigger($client, $uuids[-1], $first)->{status}, 404,
           'but not for another app');
        is(trigger($client, $App)->{status}, 404,
           'and what nobody knows is not found');
        is(remove($client, $uuids[-1])->{status}, 204, 'one is deleted');
    });

    is(through($new[1], \@all, \&trigger, $uuids[-1])->{status}, 404,
       'and is gone in the new one');
    is(through($old[1], \@all, \&trigger, $uuids[-1])->{status}, 404,
       'and in the old one');

    is(through($new[1], \@all, \&remove, $uuids[-2])->{status}, 204,
       'another one is deleted through the new one');
    is(through($old[1], \@all, \&trigger, $uuids[-2])->{status}, 404,
       'and is gone in the old one');

    kill QUIT => $old;
    ok(wait_until(sub { !NginxProcess::alive($old, @old) }),
       'the old one ends');

    is_deeply([sort(listed(client()))],
              [sort $first, @uuids[0 .. $#uuids - 2]], 'the list is complete');

    $nginx->finish;
};

done_testing();
