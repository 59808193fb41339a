use strict;
use warnings;

use lib 't/lib';
use AbuseTest;
use HTTPClient qw(answer dial put request);
use NginxProcess;
use Registrations;
use SmallDisk;
use Test::More;
use Time::HiRes qw(sleep);

# A whole gateway without connections, descriptors, zone, files or disk: see
# AbuseTest.pm for what has to hold afterwards.

*wait_until = \&NginxProcess::wait_until;

$Upstream->start;

# Requests whose heads are begun, so that their connections are no idle ones
# which nginx closes when it needs others; finish() gives the answers.
sub begin {
    return map {
        my $text = request(@$_);
        my $socket = dial($Port);
        put($socket, substr $text, 0, 20, '');
        {socket => $socket, rest => $text};
    } @_;
}

sub finish {
    my ($begun) = @_;
    put($begun->{socket}, $begun->{rest});
    return answer($begun->{socket});
}

# Connections until the log says so.
sub occupy {
    my ($pattern) = @_;
    my $log = length $Nginx->log;
    my @sockets;

    ok(wait_until(sub {
        my $socket = eval { dial($Port) };

        if ($socket) {
            put($socket, 'POST ');
            push @sockets, $socket;
        }

        return substr($Nginx->log, $log) =~ $pattern;
    }), 'nothing is left, after ' . @sockets . ' connections');

    return @sockets;
}

# All but the standing one are removed, and then there is room.
sub clear {
    my @uuids = grep { $_ ne $Hook } @{uuids(list(client()))};

    is(remove_all(@uuids), scalar @uuids, 'all of them are removed');
    push @Results, [map { ['deleted-204', $_] } @uuids];
}

my $Page500 = page('500 Internal Server Error');

gateway('connections', workers => 1, connections => 48, patience => '20s');

abuse 'worker_connections are exhausted' => sub {
    my ($round) = @_;

    # nginx says so at this level
    $Nginx->expect(qr/\[alert\].* 48 worker_connections are not enough/);

    my $tag = tag();
    my @create = event('create', $tag);
    my @queue = event('queue', $tag);
    my ($create, $queue, $luzmo) = begin(\@create, \@queue,
                                         [event('luzmo', "tag-half-$round")]);
    my @sockets = occupy(qr/worker_connections are not enough/);

    is(finish($luzmo), $Page500, 'what needs one more is not done');

    ok(right('create', $tag, \@create, finish($create)),
       'what needs none is');
    ok(right('queue', $tag, \@queue, finish($queue)),
       'also what will need one later');

    close $_ for @sockets;
};

end_gateway();

# valgrind has descriptors of its own, beyond any limit.
if ($NginxProcess::Slowness == 1) {
    gateway('descriptors', workers => 1, patience => '20s',
            main => 'worker_rlimit_nofile 64;');

    abuse 'descriptors are exhausted' => sub {
        my ($round) = @_;

        # connections of clients, connections to upstream, a body's file, what
        # an event from the queue needs
        $Nginx->expect(qr/\[crit\].* accept4\(\) failed \(24: /,
                       qr/\[alert\].* socket\(\) failed \(24: /,
                       qr/\[crit\].* open\(\) "\S+body\S+" failed \(24: /,
                       qr/\[crit\].* fcntl\(F_DUPFD_CLOEXEC\) failed \(24: /);

        my $tag = tag();
        my @create = event('create', $tag);
        my @queue = event('queue', $tag);
        my ($create, $queue, $luzmo, $large)
            = begin(\@create, \@queue,
                    [event('luzmo', "tag-half-$round")],
                    [event('munity', "tag-half-$round", 40000)]);
        my @sockets = occupy(qr/accept4\(\) failed \(24: /);

        ok(right('create', $tag, \@create, finish($create)),
           'what needs none is done');
        ok(right('queue', $tag, \@queue, finish($queue)),
           'also what will need one later');

        # What was open for a moment only may have left some.
        push @sockets, occupy(qr/accept4\(\) failed \(24: /);

        is(finish($luzmo), $Page500, 'what needs a connection is not');
        is(finish($large), $Page500, 'what needs a file is not');

        close $_ for @sockets;
    };

    end_gateway();
}

gateway('zone', zone => '512k', workers => 2);

abuse 'the zone is full' => sub {
    my ($round) = @_;
    my $props = '{"p":"' . 'v' x 900 . '"}';
    my $load = NginxProcess::load(3, creations(0, props => $props));
    my $events = NginxProcess::load(1, events());

    ok(wait_until(sub {
        my $answer = create(client(), 'over', $props);
        return $answer && $answer->{status} == 503 && $answer->{body} eq $Full;
    }), 'it is full');

    ok($Nginx->replace(($Nginx->workers)[$round % 2]), 'a worker is killed');
    sleep 0.2;
    ok($Nginx->reload(keep => 1), 'a reload');
    sleep 0.2;

    my $counts = counts($events->stop);
    delete @$counts{qw(200 lost)};
    is_deeply($counts, {}, 'events pass');

    push @Results, $load->stop;
    over();
    acknowledged('while it is full');
    clear();
};

# What has been made in order to see whether anything can be made.
sub over {
    my @over = grep { $_->[1] eq 'over' } @{list(client())};
    push @Results, [map { [200, $_->[0], 'over'] } @over];
}

end_gateway();

# Without room in the files, which there is after $full->() has been called, and
# until $free->() has been.
sub no_room {
    my ($name, $full, $free) = @_;

    abuse $name => sub {
        my ($round) = @_;
        my $props = '{"p":"' . 'v' x 8000 . '"}';

        # the state's, when it is written; a body's file
        $Nginx->expect(qr/\[crit\].* "\S+\.db"/,
                       qr/\[crit\].* pwritev?\(\) "\S+\/body\/\S+" /);

        $full->();

        my $load = NginxProcess::load(3, creations(0, props => $props));

        ok(wait_until(sub {
            my $answer = create(client(), 'over', $props);
            return $answer && $answer->{status} == 503
                   && $answer->{body} eq $Failed;
        }), 'nothing more can be made durable');

        my $socket = dial($Port);
        my @event = event('luzmo', "tag-half-$round", 3_000_000);
        put($socket, request(@event));
        is(answer($socket), $Page500, 'nor a large body kept');
        close $socket;

        $socket = dial($Port);
        @event = event('munity', "tag-small-$round");
        put($socket, request(@event));
        is(answer($socket), passed('munity', @event), 'a small one passes');

        my %count;

        for (1 .. 20) {
            my $tag = tag();
            @event = event('queue', $tag, 5000);
            put($socket, request(@event));
            my $answer = answer($socket);

            $count{right('queue', $tag, \@event, $answer) ? 202
                   : $answer =~ /^503 .*"reason":"(?:queue_full|store_failed)"/
                     ? 503 : $answer}++;
        }

        delete @count{202, 503};
        is_deeply(\%count, {}, 'the queue takes events or refuses them');

        ok($Nginx->replace(($Nginx->workers)[$round % 2]),
           'a worker is killed');
        close $socket;
        ok($Nginx->reload(keep => 1), 'a reload');
        $full->();

        push @Results, $load->stop;
        over();
        acknowledged('while there is no room');

        $free->();
        ok(wait_until(sub { uuid(create(client(), 'over', $props)) }),
           'there is room again');
        over();
        clear();
    };

    end_gateway();
}

{
    # more than the log will have
    my $limit = 2 << 20;

    gateway('file-size', workers => 2,
            more => 'client_body_temp_path body;',
            command => ['sh', '-c', "trap '' XFSZ; exec \"\$0\" \"\$@\""]);

    my $set = sub {
        for my $pid ($Nginx->master, $Nginx->workers) {
            system('prlimit', "--fsize=$_[0]:", "--pid=$pid") == 0
                or die 'prlimit';
        }
    };

    no_room('files reach RLIMIT_FSIZE', sub { $set->($limit) },
            sub { $set->('unlimited') });
}

SKIP: {
    my $disk = SmallDisk->mount('16m') or skip $SmallDisk::Why, 1;
    my $path = $disk->{path};

    gateway('disk', workers => 2, state => $path,
            more => "client_body_temp_path $path/body;");

    no_room('the disk is full', sub { $disk->fill }, sub { $disk->empty });

    $disk->unmount;
}

done_testing();
