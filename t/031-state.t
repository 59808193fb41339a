use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Registrations;
use Test::More;

use File::Temp ();
use IO::Socket::INET ();
use Time::HiRes qw(sleep time);

# Registrations outlive whatever becomes of the processes: what was answered
# 200 is there afterwards, what was answered 503 never is.

*wait_until = \&NginxProcess::wait_until;
*all = \&NginxProcess::all;

my $Root = $NginxProcess::Root;

my @Mounted;

END {
    local $?;
    system 'umount', '-l', $_ for @Mounted;
}


# --- configurations and requests ------------------------------------------

# zone and state are those of webhook_zone; main, workers: see NginxProcess
sub config {
    my ($nginx, %with) = @_;
    my $port = NginxProcess::port(0);
    my $upstream = NginxProcess::port(1);
    my $zone = 'zone=hooks:' . ($with{zone} // '4m');

    $zone .= " state=$with{state}" if $with{state};
    $zone .= " state_size=$with{size}" if $with{size};

    $with{more} //= '';

    $nginx->configure(%with, http => <<END);
    webhook_zone $zone;
    $with{more}

    webhook_app $App environment=1 token=t0ken;

    server {
        listen 127.0.0.1:$port;
        add_header X-Pid \$pid always;

        location /app/ {
            webhook lenra zone=hooks;
        }

        location /apps/ {
            webhook lenra zone=hooks;
            add_header X-Pid \$pid always;
            add_header X-Action \$webhook_action always;
            proxy_pass http://127.0.0.1:$upstream;
        }
    }

    server {
        listen 127.0.0.1:$upstream;
        return 200 "passed\\n";
    }
END

    return $nginx;
}

# A running nginx, with a state of its own name
sub nginx {
    my ($name, %with) = @_;
    my $nginx = NginxProcess->new(name => $name);
    config($nginx, state => "$Root/$name", %with)->start;

    my $n = $with{workers} // 2;
    wait_until(sub { $nginx->workers == $n });

    return $nginx;
}

# Through one worker, on a connection of its own
sub through {
    my ($pid, $all, $sub, @arguments) = @_;

    return NginxProcess::only($pid, $all, sub {
        my $answer = $sub->(client(), @arguments);

        # Another one, in its place, if it is gone.
        return if ref $answer eq 'HASH'
                  && $answer->{headers}{'x-pid'} != $pid;

        return $answer;
    });
}

sub random_sleep { sleep 0.01 + rand 0.05 }


# --- workers --------------------------------------------------------------

subtest 'created in one worker, known in all others at once' => sub {
    my $nginx = nginx('workers', workers => 4);
    my @workers = $nginx->workers;
    my @created;

    is(scalar @workers, 4, 'four workers');

    for my $from (@workers) {
        my $uuid = uuid(through($from, \@workers, \&create, "by-$from"));
        push @created, $uuid;

        is(answered(through($_, \@workers, \&trigger, $uuid)), "200 by-$from",
           'triggered') for grep { $_ != $from } @workers;
    }

    for (@workers) {
        is_deeply(uuids(through($_, \@workers, \&list)), \@created,
                  'listed in order of creation');
    }

    for my $n (0 .. 3) {
        my $uuid = shift @created;

        is(answered(through($workers[-$n], \@workers, \&remove, $uuid)), 204,
           'deleted');

        for (@workers) {
            is(answered(through($_, \@workers, \&trigger, $uuid)), 404,
               'gone everywhere');
        }
    }

    for (@workers) {
        is_deeply(through($_, \@workers, \&list), [], 'nothing is left');
    }

    $nginx->finish;
};


# --- reload ---------------------------------------------------------------

subtest 'reload, with a state and without' => sub {
    for my $state ('with', 'without') {
        my $nginx = nginx("reload-$state",
                          $state eq 'without' ? (state => undef) : ());

        my @kept = map { uuid(create(client(), "kept$_")) } 1 .. 3;
        my @before = $nginx->workers;

        ok($nginx->reload, 'reloaded');

        my @after = $nginx->workers;
        isnt("@before", "@after", 'there are other workers');

        for (@after) {
            is_deeply(uuids(through($_, \@after, \&list)), \@kept, 'listed');
            is(answered(through($_, \@after, \&trigger, $kept[1])),
               '200 kept2', 'triggered');
        }

        ok(uuid(create(client(), 'later')), 'another one');
        is(scalar @{list(client())}, 4, 'listed as well');

        $nginx->finish;
    }
};

subtest 'reload under load: every request is answered' => sub {
    my $nginx = nginx('reload-load');

    # A connection for each request, because nginx closes those that are kept
    # alive when it likes to.
    my $load = NginxProcess::load(6, churn(5, close => 1));

    for (1 .. 5) {
        random_sleep();
        $nginx->reload(keep => 1) or fail('reload');
    }

    my @results = $load->stop;

    ok(wait_until(sub { NginxProcess::children($nginx->master) == 2 }),
       'the old workers are gone');
    verify(\@results);
    $nginx->finish;
};


# --- kill -9 --------------------------------------------------------------

subtest 'kill -9 of workers under load' => sub {
    my $nginx = nginx('kill-worker', workers => 3);
    my $load = NginxProcess::load(6, churn(7));

    for (1 .. 8) {
        my @workers = $nginx->workers;
        random_sleep();
        $nginx->replace($workers[rand @workers]) or fail('a new worker');
    }

    verify([$load->stop], lost => 1);
    $nginx->finish;
};

subtest 'kill -9 of all under load, and start' => sub {
    my $nginx = nginx('kill-all');
    my (@results, %before);

    for my $round (1 .. 3) {
        my $load = NginxProcess::load(6, churn(7));

        sleep 0.2;
        random_sleep();

        $nginx->stop('KILL');
        $nginx->start;

        my $there = verify([$load->stop], lost => 1, before => \%before);
        %before = map { $_->[0] => 1 } @{list(client())};
    }

    $nginx->finish;
};

subtest 'stop and start, in order of creation' => sub {
    my $nginx = nginx('stop');
    my $client = client();

    my @created = map { uuid(create($client, "n$_", qq({"n":$_}))) } 1 .. 600;

    for (grep { $_ % 3 == 0 } 0 .. 599) {
        remove($client, $created[$_]);
        undef $created[$_];
    }

    my @left = grep { defined } @created;

    for my $signal ('QUIT', 'TERM') {
        ok($nginx->stop($signal), "stopped by $signal");
        $nginx->start;

        is_deeply(uuids(list(client())), \@left, 'all are there, in order');
    }

    is(get(client(), $created[400])->{body},
       qq({"uuid":"$created[400]","action":"n401","props":{"n":401},)
       . '"environment_id":1,"user_id":null}', 'and as they were');

    push @left, uuid(create(client(), 'last'));
    is_deeply(uuids(list(client())), \@left, 'a new one is the last');

    $nginx->finish;
};


# --- another size ---------------------------------------------------------

subtest 'another size of the zone at reload' => sub {
    my $nginx = nginx('resize', zone => '1m');
    my @state = (state => "$Root/resize");

    # Small, so that there is room for all in the smallest of the sizes.
    my $load = NginxProcess::load(4, churn(2, close => 1));

    for my $zone ('2m', '4m', '1m') {
        random_sleep();
        config($nginx, @state, zone => $zone);
        $nginx->reload(keep => 1) or fail("reload with $zone");
    }

    my @results = $load->stop;
    my $there = verify(\@results, name => 'bigger and smaller under load');

    my $props = '{"k":"' . 'v' x 1900 . '"}';
    my ($more, $refusal) = fill('more', $props);
    is($refusal->{body}, $Full, 'until it is full');
    cmp_ok(scalar @$more, '>', 50, 'after a while');

    my $before = uuids(list(client()));
    my @workers = $nginx->workers;

    $nginx->expect(qr/\[(?:emerg|crit)\].*webhook zone "hooks"/);
    config($nginx, @state, zone => '32k');
    kill HUP => $nginx->master;

    ok(wait_until(sub { $nginx->log =~ /\[emerg\].*"hooks".*too small/ }),
       'one that is too small for them is told');
    like($nginx->log, qr{\[emerg\].*too small.*\Q$Root/resize"},
         'with the name of the state');
    is(join(' ', $nginx->workers), "@workers", 'the workers stay');
    is_deeply(uuids(list(client())), $before, 'and so do the registrations');
    is(answered(create(client(), 'none', $props)), 503,
       'in the zone of before');

    my ($status) = $nginx->run('-t');
    isnt($status, 0, 'nginx -t tells it as well');

    config($nginx, @state, zone => '8m');
    ok($nginx->reload, 'a bigger one');
    is_deeply(uuids(list(client())), $before, 'has all of them');
    ok(uuid(create(client(), 'one')), 'and room for more');

    $nginx->finish;
};

subtest 'what is made while a resized zone is taken into use' => sub {
    my $nginx = nginx('resize-both', zone => '1m');
    my @old = $nginx->workers;

    # A request that is not complete keeps the old workers.
    my @held = map {
        my $pid = $_;
        NginxProcess::only($pid, \@old, sub {
            my $client = client();
            $client->connect->syswrite("POST /app/webhooks HTTP/1.1\r\n"
                                       . "Host: localhost\r\n"
                                       . "Authorization: Bearer t0ken\r\n"
                                       . "Content-Type: application/json\r\n"
                                       . "Content-Length: 16\r\n\r\n");
            sleep 0.1;
            $client;
        });
    } @old;

    my $first = uuid(create(client(), 'first'));

    config($nginx, state => "$Root/resize-both", zone => '2m');
    $nginx->reload(keep => 1);

    my $new = uuid(create(client(), 'new'));
    my @late;

    for my $client (@held) {
        $client->connect->syswrite('{"action":"old"}');
        $client->{method} = 'POST';
        my $answer = $client->answer;
        push @late, uuid($answer);
        is(answered($answer), 200, 'an old worker ends what it had begun');
        $client->close;
    }

    is_deeply(uuids(list(client())), [$first, $new, @late],
              'the new workers know of it');
    is(answered(trigger(client(), $_)), '200 old', 'triggered') for @late;

    $nginx->finish;
};


# --- binary upgrade -------------------------------------------------------

subtest 'binary upgrade: both masters create and delete' => sub {
    my $nginx = nginx('upgrade');

    # Before the new one is there, so that it has to be loaded.
    my @created = map { uuid(create(client(), "before$_")) } 1 .. 3;

    my $old = $nginx->master;
    my $new = $nginx->upgrade;

    my @old = NginxProcess::workers_of($old);
    my @new = NginxProcess::workers_of($new);
    my @all = (@old, @new);

    is(scalar @all, 4, 'two workers each');

    for my $round (0, 1) {
        for my $direction ([$old[$round], @new], [$new[$round], @old]) {
            my ($from, @others) = @$direction;
            my $uuid = uuid(through($from, \@all, \&create, "by-$from"));
            push @created, $uuid;

            is(answered(through($_, \@all, \&trigger, $uuid)), "200 by-$from",
               'triggered through the other one\'s worker') for @others;
        }
    }

    for (@all) {
        is_deeply(uuids(through($_, \@all, \&list)), \@created,
                  'a list is complete and in order of creation');
    }

    for my $direction ([$old[0], @new], [$new[1], @old]) {
        my ($from, @others) = @$direction;
        my $uuid = splice @created, 2, 1;

        is(answered(through($from, \@all, \&remove, $uuid)), 204, 'deleted');

        for (@others) {
            is(answered(through($_, \@all, \&trigger, $uuid)), 404,
               'gone in the other one');
            is(answered(through($_, \@all, \&get, $uuid)), 404, 'altogether');
        }
    }

    for (@all) {
        is_deeply(uuids(through($_, \@all, \&list)), \@created,
                  'a list is what is left');
    }

    my %before = map { $_ => 1 } @created;
    my $load = NginxProcess::load(6, churn(3, close => 1));

    sleep 0.3;
    kill WINCH => $old;
    ok(wait_until(sub { !NginxProcess::alive(@old) }), 'the old workers end');
    sleep 0.1;
    kill QUIT => $old;
    ok(wait_until(sub { !NginxProcess::alive($old) }), 'the old master ends');

    verify([$load->stop], before => \%before);
    $nginx->finish;
};

subtest 'binary upgrade: nothing was asked for before' => sub {
    my $nginx = nginx('upgrade-first');

    # The old one has made it, and looked nothing up since: what it knows of
    # the state is that it was empty.
    my $uuid = uuid(create(client(), 'first'));

    my $old = $nginx->master;
    my $new = $nginx->upgrade;
    my @old = NginxProcess::workers_of($old);
    my @new = NginxProcess::workers_of($new);
    my @all = (@old, @new);

    is(answered(through($new[0], \@all, \&remove, $uuid)), 204,
       'deleted through the new one');
    is(answered(through($old[0], \@all, \&trigger, $uuid)), 404,
       'gone in the old one');
    is_deeply(through($old[0], \@all, \&list), [], 'not in its list');

    kill QUIT => $old;
    wait_until(sub { !NginxProcess::alive($old) });
    $nginx->finish;
};

subtest 'binary upgrade: back to the old one' => sub {
    my $nginx = nginx('upgrade-back');
    my @created = map { uuid(create(client(), "before$_")) } 1 .. 3;

    my $old = $nginx->master;
    my @old = $nginx->workers;
    my $new = $nginx->upgrade;

    kill WINCH => $old;
    ok(wait_until(sub { !NginxProcess::alive(@old) }), 'the old workers end');

    push @created, map { uuid(create(client(), "between$_")) } 1 .. 3;
    my $gone = splice @created, 1, 1;
    is(answered(remove(client(), $gone)), 204, 'one is deleted');

    kill HUP => $old;
    ok(wait_until(sub { NginxProcess::workers_of($old) == 2 }),
       'the old one has workers again');
    kill QUIT => $new;
    ok(wait_until(sub { !NginxProcess::alive($new)
                        && ($nginx->master // 0) == $old }),
       'the new one ends');

    my @workers = $nginx->workers;

    for (@workers) {
        is_deeply(uuids(through($_, \@workers, \&list)), \@created,
                  'the old one knows what was created meanwhile');
        is(answered(through($_, \@workers, \&trigger, $gone)), 404,
           'and what was deleted');
    }

    $nginx->finish;
};


# --- full -----------------------------------------------------------------

subtest 'the zone is full' => sub {
    my $nginx = nginx('zone-full', zone => '128k');

    my ($first, $refusal) = fill('first');

    cmp_ok(scalar @$first, '>', 100, scalar @$first . ' registrations');
    is($refusal->{status}, 503, 'one more is refused');
    is($refusal->{body}, $Full, 'because the zone is full');
    like($refusal->{headers}{'retry-after'}, qr/^\d+$/, 'with Retry-After');
    is($refusal->{headers}{'content-type'}, 'application/json', 'in JSON');

    is(answered($_), 503, 'again') for all(\&create, 1 .. 20);
    is_deeply(listed(), [sort @$first], 'nothing is half made');

    is(remove_all(splice @$first, 0, 10), 10, 'ten are deleted');

    my ($second) = fill('second');
    cmp_ok(scalar @$second, '>=', 10, 'deletes make room');
    is_deeply(listed(), [sort @$first, @$second], 'all are listed');

    $nginx->stop;
    $nginx->start;
    is_deeply(listed(), [sort @$first, @$second], 'a full zone is loaded');
    is(create(client(), 'more')->{body}, $Full, 'and full again');

    is(remove_all(@$first, @$second), @$first + @$second, 'all are deleted');
    is_deeply(listed(), [], 'nothing is left');

    my ($third) = fill('first');
    cmp_ok(@$third, '>=', @$first + 10, 'as many as the first time');

    $nginx->finish;
};

subtest 'the zone becomes full under load' => sub {
    my $nginx = nginx('zone-full-load', zone => '128k', workers => 3);

    # Others look at the zone all the time, and may find in the state what has
    # been committed and not been taken into the zone.
    my $load = NginxProcess::load(6, churn(0));
    my $readers = NginxProcess::load(2, sub {
        my ($n, $client) = @_;
        answered(get($client, $App));
        return;
    });

    ok(wait_until(sub {
        return answered(create(client(), 'full')) eq '503';
    }), 'it is full');

    my @results = $load->stop;
    $readers->stop;

    # The one above may have got some of the room.
    my %before = map { $_->[1] eq 'full' ? ($_->[0] => 1) : () }
                     @{list(client())};

    verify(\@results, refused => 1, before => \%before);
    $nginx->finish;
};

subtest 'the state is full' => sub {
    my $nginx = nginx('state-full', size => '128k');

    $nginx->expect(qr{\[crit\].*webhook state "\Q$Root\E/state-full" could}
                   . qr{ not be written: MDB_MAP_FULL});

    my ($first, $refusal) = fill('first');

    cmp_ok(scalar @$first, '>', 100, scalar @$first . ' registrations');
    is($refusal->{status}, 503, 'one more is refused');
    is($refusal->{body}, $Failed, 'because the state is full');
    like($refusal->{headers}{'retry-after'}, qr/^\d+$/, 'with Retry-After');

    is(answered($_), 503, 'again') for all(\&create, 1 .. 5);
    is_deeply(listed(), [sort @$first], 'nothing has appeared');

    ok($nginx->reload, 'reloaded');
    is(create(client(), 'again')->{body}, $Failed, 'still full');

    $nginx->stop;
    $nginx->start;
    is_deeply(listed(), [sort @$first], 'all are there after a start');

    # Every delete leaves a note for other masters; they may not pile up.
    my ($all, @counts) = ($first);

    for my $round (1 .. 6) {
        is(remove_all(@$all), scalar @$all, 'all can be deleted');

        ($all) = fill('again');
        push @counts, scalar @$all;
    }

    cmp_ok((sort { $a <=> $b } @counts)[0], '>=', @$first * 0.5,
           "deletes make room, time and again: @counts");

    $nginx->stop;
    $nginx->start;
    is_deeply(listed(), [sort @$all], 'all are there after a start');

    $nginx->finish;
};

subtest 'the disk is full' => sub {
    my $disk = "$Root/disk";
    mkdir $disk;

    plan skip_all => 'a file system of its own takes root'
        if $> != 0
           || system("mount -t tmpfs -o size=1m tmpfs $disk 2>/dev/null") != 0;

    push @Mounted, $disk;
    chmod 0755, $disk;

    my $nginx = NginxProcess->new(name => 'disk-full');
    config($nginx, state => "$disk/state");
    $nginx->expect(qr{\[emerg\].*"\Q$disk/state\E(?:-lock)?"});

    open my $filler, '>', "$disk/filler" or die $!;
    1 while syswrite $filler, "\0" x 4096;
    close $filler;

    # First the lock does not fit, then one page or other of the state.
    for my $room (0, 4, 64, 4, 4, 4, 4, 4) {
        truncate "$disk/filler", (-s "$disk/filler") - $room * 1024;

        my ($status, $output) = $nginx->run('-t');
        is($status & 127, 0, "${room}k more of room: no crash");
        like($output, qr{\[emerg\].*\Q$disk/state\E(?:-lock)?"|is successful},
             'well, or told');
    }

    unlink "$disk/filler";
    my ($status, $output) = $nginx->run('-t');
    is($status, 0, 'what was begun is no hindrance, once there is room')
        or diag($output);
    unlink "$disk/state", "$disk/state-lock" if $status;

    $nginx->start;
    my $props = '{"k":"' . 'v' x 2000 . '"}';

    $nginx->expect(qr{\[crit\].*"\Q$disk/state"});

    my $load = NginxProcess::load(4, churn(0, props => $props));

    ok(wait_until(sub {
        my $answer = create(client(), 'full', $props);
        return $answer && $answer->{status} == 503
               && $answer->{body} eq $Failed;
    }), 'it is full');

    my @results = $load->stop;
    my %before = map { $_->[1] eq 'full' ? ($_->[0] => 1) : () }
                     @{list(client())};
    my @verify = (refused => 1, before => \%before);

    verify(\@results, @verify);

    $nginx->stop;
    ($status, $output) = $nginx->run('-t');
    is($status, 0, 'a full disk is no reason not to start') or diag($output);
    $nginx->start;
    verify(\@results, @verify, name => 'all is the same after a start');

    $nginx->stop('KILL');
    $nginx->start;
    verify(\@results, @verify, name => 'and after kill -9');

    is(system('mount', '-o', 'remount,size=8m', $disk), 0, 'a bigger disk');
    my $uuid;
    ok(wait_until(sub { $uuid = uuid(create(client(), 'more', $props)) }),
       'there is room again');
    $before{$uuid} = 1;
    verify(\@results, @verify, name => 'and all is as it was');

    $nginx->finish;
    is(system('umount', $disk), 0, 'nothing is left open');
    @Mounted = ();
};


# --- what killed workers leave behind -------------------------------------

subtest 'what killed workers had reserved is freed' => sub {
    my $nginx = nginx('leak', zone => '64k');

    my ($before) = fill('a');
    is(remove_all(@$before), scalar @$before, 'it was full');
    ($before) = fill('a');
    remove_all(@$before);

    for my $round (1 .. 6) {
        my $load = NginxProcess::load(4, churn(2));
        my @workers = $nginx->workers;

        sleep 0.1;
        random_sleep();
        $nginx->replace(@workers) or fail('new workers');
        $load->stop;

        remove_all(@{listed()});
    }

    is_deeply(listed(), [], 'nothing is left');

    my ($after) = fill('a');

    # All but those whose creator was killed while it held the lock.
    my $locked = () = $nginx->log =~ /was locked by/g;
    cmp_ok(@$after + $locked, '>=', @$before, 'as many fit in as before');

    $nginx->finish;
};


# --- states that can't be used --------------------------------------------

subtest 'states that can\'t be used' => sub {
    my $dir = "$Root/bad";
    my $state = "$dir/state";
    mkdir $dir;

    my $nginx = nginx('bad', state => $state);
    my $client = client();

    all(sub { create(@_, '{"k":"' . 'v' x 100 . '"}') }, 1 .. 300);
    create($client, 'victim');
    my $good = uuids(list($client));
    $nginx->stop;

    my $whole = NginxProcess::read_file($state);
    my $size = length $whole;

    my $put = sub {
        my $content = shift;
        return sub { NginxProcess::write_file($state, $content) };
    };

    (my $newer = $whole) =~ s/version\K\Q@{[pack 'L', 1]}/pack 'L', 2/ge;
    (my $record = $whole)
        =~ s/\Q@{[pack 'L', 8]}\E(?="victim")/pack 'L', 800/ge;

    isnt($newer, $whole, 'the version is where it was looked for');
    isnt($record, $whole, 'the record is where it was looked for');

    my @cases = (
        ['in a folder that is not there',
         sub { rename $dir, "$dir.away" },
         sub { rename "$dir.away", $dir },
         qr/No such file or directory/],

        ['a folder', sub { mkdir $state }, sub { rmdir $state },
         qr/is not a file/],

        ['whose lock is a folder',
         sub { $put->($whole)->(); mkdir "$state-lock" },
         sub { rmdir "$state-lock" },
         qr/Is a directory/],

        ['empty', $put->(''), undef, qr/is empty/],
        ['of a few bytes', $put->('state'), undef, qr/MDB_INVALID/],
        ['of other contents', $put->('no state' x 4096), undef,
         qr/MDB_INVALID/],
        ['of zeros', $put->("\0" x $size), undef, qr/MDB_INVALID/],

        ['cut within the first page', $put->(substr $whole, 0, 1000), undef,
         qr/MDB_INVALID/],
        ['cut after the first page', $put->(substr $whole, 0, 4096), undef,
         qr/MDB_INVALID/],
        ['cut after the second page', $put->(substr $whole, 0, 8192), undef,
         qr/truncated: it has 8192 bytes of \d+/],
        ['cut within what it uses', $put->(substr $whole, 0, 8 * 4096), undef,
         qr/truncated/],

        ['of a newer version', $put->($newer), undef,
         qr/is of the newer version 2/],
        ['with a record that is none', $put->($record), undef,
         qr/has an invalid record 301/],
    );

    for (@cases) {
        my ($name, $make, $undo, $reason) = @$_;

        unlink $state, "$state-lock";
        $make->();

        my $before = -f $state ? NginxProcess::read_file($state) : '';

        for my $how ('-t', 'start') {
            my ($status, $output) = $nginx->run($how eq '-t' ? '-t' : ());

            is($status & 127, 0, "$name, $how: no crash");
            isnt($status >> 8, 0, "$name, $how: fails");
            like($output, qr{\[emerg\].*\Q$state\E\b.*$reason},
                 "$name, $how: tells which and why");
        }

        is(-f $state ? NginxProcess::read_file($state) eq $before : 1, 1,
           "$name: it is left as it is");

        # It has started, if this did not fail.
        if (wait_until(sub { $nginx->master && NginxProcess::alive(
                                                    $nginx->master) }, 0.05))
        {
            $nginx->attach->stop;
        }

        $undo->() if $undo;
    }

    $nginx->expect(qr/\[emerg\].*\Q$state\E/);

    # The lock of a state is rubbish after a crash, and is no part of it.
    NginxProcess::write_file($state, $whole);
    NginxProcess::write_file("$state-lock", 'rubbish' x 100);
    $nginx->start;
    is_deeply(uuids(list(client())), $good, 'the good one has all of them');

    # A reload that fails leaves all as it was.
    NginxProcess::write_file("$dir/empty", '');
    $nginx->expect(qr{\[emerg\].*\Q$dir/empty"});

    my @workers = $nginx->workers;
    config($nginx, state => $state,
           more => "webhook_zone zone=more:1m state=$dir/empty;");
    kill HUP => $nginx->master;

    ok(wait_until(sub { $nginx->log =~ m{\[emerg\].*\Q$dir/empty"} }),
       'another zone\'s state can\'t be used at reload');
    is(join(' ', $nginx->workers), "@workers", 'the workers stay');
    ok(uuid(create(client(), 'on')), 'and go on');

    # LMDB's files must not be opened twice in a process.
    config($nginx, state => $state,
           more => "webhook_zone zone=more:1m state=$state;");
    my ($status, $output) = $nginx->run('-t');
    isnt($status, 0, 'two zones can\'t share a state');
    like($output, qr{\[emerg\].*\Q$state"}, 'nginx -t tells it');

    $nginx->finish;
};

subtest 'a zone whose state= changes at reload' => sub {
    my $nginx = nginx('moved');
    my $uuid = uuid(create(client(), 'here'));
    my @workers = $nginx->workers;

    for my $state ("$Root/elsewhere", undef) {
        my $log = length $nginx->log;

        config($nginx, state => $state);
        kill HUP => $nginx->master;

        ok(wait_until(sub { substr($nginx->log, $log) =~ /\[emerg\]/ }),
           'can\'t');
        like(substr($nginx->log, $log),
             qr/\[emerg\].*zone "hooks" has the state "\Q$Root\E\/moved"/,
             'that is told');
        is(join(' ', $nginx->workers), "@workers", 'the workers stay');
        is(answered(trigger(client(), $uuid)), '200 here', 'and go on');
    }

    $nginx->expect(qr/\[emerg\].*zone "hooks" has the state/);

    ok(!-e "$Root/elsewhere", 'the other one was not made');

    config($nginx, state => "$Root/moved");
    ok($nginx->reload, 'the one of before is fine');
    is(answered(trigger(client(), $uuid)), '200 here', 'as ever');

    $nginx->finish;
};


# --- the workers' user ----------------------------------------------------

# A folder that others can get to, and only root can write to.
sub public_folder {
    my $folder = File::Temp->newdir("webhook-state-XXXXXX", TMPDIR => 1);
    chmod 0755, $folder;
    return $folder;
}

# The directive, because a user's group often has another name
sub user {
    my $name = shift;
    my ($gid) = (getpwnam $name)[3];

    return unless defined $gid;
    return "user $name " . getgrgid($gid) . ';';
}

subtest 'the files belong to the workers\' user' => sub {
    my $folder = public_folder();
    my $state = "$folder/state";
    my @users = grep { user($_) } qw(nobody daemon);

    my $nginx = NginxProcess->new(name => 'owner');

    my $owned = sub {
        my $uid = shift;

        for ($state, "$state-lock") {
            my @stat = stat $_;
            is($stat[4], $uid, "the owner of $_");
            is($stat[2] & 07777, 0600, 'its mode');
        }
    };

    if ($> != 0) {
        config($nginx, state => $state)->start;
        $owned->($>);
        $nginx->finish;
        return;
    }

    config($nginx, state => $state, main => user($users[0]));
    is(($nginx->run('-t'))[0], 0, 'nginx -t may be the first');

    $nginx->start;
    $owned->(scalar getpwnam $users[0]);
    my $uuid = uuid(create(client(), 'here'));
    ok($uuid, 'it can be written');

    is(($nginx->run('-t'))[0], 0, 'nginx -t beside it');
    $owned->(scalar getpwnam $users[0]);

    $nginx->replace(($nginx->workers)[0]);
    ok($nginx->reload, 'reloaded');
    ok(uuid(create(client(), 'here')), 'written again') for 1 .. 4;

    if (@users > 1) {
        config($nginx, state => $state, main => user($users[1]));
        ok($nginx->reload, 'another user');

        for my $worker (my @workers = $nginx->workers) {
            is(answered(through($worker, \@workers, \&trigger, $uuid)),
               '200 here', 'triggered');
            is(answered(through($worker, \@workers, \&create, 'there')), 200,
               'it can be written');
        }

        $owned->(scalar getpwnam $users[1]);
    }

    $nginx->finish;
};

subtest 'a state that a new worker can\'t open' => sub {
    plan skip_all => 'this takes root' if $> != 0;

    my $folder = public_folder();
    my $state = "$folder/state";
    my ($uid, $gid) = (getpwnam 'nobody')[2, 3];

    my $nginx = NginxProcess->new(name => 'closed');
    config($nginx, state => $state, workers => 1, main => user('nobody'));
    $nginx->start;

    my $uuid = uuid(create(client(), 'here'));
    my $second = uuid(create(client(), 'second'));

    $nginx->expect(qr/\[emerg\].*\Q$state"\E could not be opened: Permission/);
    chown 0, 0, $state;
    ok($nginx->replace($nginx->workers), 'there is a new worker');

    my $client = client();
    my $from = time;
    my ($rounds, %seen);

    while (time - $from < 2.2) {
        $rounds++;
        my $answer = create($client, 'none');
        $seen{'create ' . answered($answer) . " $answer->{body}"}++;
        $seen{'trigger ' . answered(trigger($client, $uuid))}++;
        $seen{'get ' . answered(get($client, $uuid))}++;
        $seen{'delete ' . answered(remove($client, $uuid))}++;
        $seen{'list ' . answered($client->request(GET => '/app/webhooks',
                                                  undef, @Token))}++;
        $seen{'unknown ' . answered(trigger($client, $App))}++;
    }

    is_deeply([sort keys %seen],
              ["create 503 $Failed", 'delete 503', 'get 200', 'list 503',
               'trigger 200 here', 'unknown 503'],
              'known ones are triggered, and nothing is told that may be wrong');

    my $emerg = () = $nginx->log =~ /\[emerg\]/g;
    cmp_ok($emerg, '>=', 1, 'it is told in the log');
    cmp_ok($emerg, '<=', time - $from + 2, "once a second ($rounds rounds)");

    chown $uid, $gid, $state;
    my $third;
    ok(wait_until(sub { $third = uuid(create($client, 'third')) }),
       'it is tried again');
    is_deeply(uuids(list($client)), [$uuid, $second, $third],
              'nothing has changed meanwhile');

    $nginx->finish;
};

subtest 'a state that is taken away from a zone' => sub {
    my $nginx = nginx('away', workers => 1);
    my $state = "$Root/away";
    my @created = map { uuid(create(client(), "n$_")) } 1 .. 3;

    $nginx->expect(qr/\[emerg\].*"\Q$state"/);

    # As if its file system was not mounted.  What new workers would take into
    # another file would be lost when this one is back.
    rename $_, "$_.away" for $state, "$state-lock";
    ok($nginx->replace($nginx->workers), 'there is a new worker');

    is(create(client(), 'none')->{body}, $Failed, 'nothing can be created');
    is(answered(trigger(client(), $created[0])), '200 n1', 'but triggered');
    ok(!-e $state, 'there is no other file');
    ok(wait_until(sub { $nginx->log =~ /\[emerg\]/ }, 5), 'that is told');

    unlink $state, "$state-lock";
    rename "$_.away", $_ for $state, "$state-lock";

    my $last;
    ok(wait_until(sub { $last = uuid(create(client(), 'last')) }),
       'once it is back, all goes on');
    is_deeply(uuids(list(client())), [@created, $last], 'and nothing is lost');

    $nginx->stop;
    $nginx->start;
    is_deeply(uuids(list(client())), [@created, $last], 'ever');

    $nginx->finish;
};

done_testing();
