use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Registrations;
use StateTest;
use Test::More;

use Time::HiRes qw(sleep);

# The lock file of a state is removed or replaced while nginx is running: who
# opens the state afterwards would lock another file than those before.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;

sub told {
    my ($nginx, $level, $what, $state) = @_;
    return wait_until(sub {
        return $nginx->log =~ /\[$level\].*webhook\ state\ "\Q$state\E":
            \ the\ lock\ file\ "\Q$state\E-lock"\ has\ been\ $what/x;
    });
}

subtest 'removed' => sub {
    my $nginx = nginx('removed', workers => 1);
    my $state = "$Root/removed";
    my $lock = "$state-lock";

    $nginx->expect(qr/the lock file "\Q$lock\E" has been removed/);

    my @made = uuid(create(client(), 'a'));
    ok($made[0], 'created');

    # What is open is the same for all who have it open.
    rename $lock, "$lock.away";
    sleep 5.1;
    push @made, uuid(create(client(), 'b'));
    ok($made[1], 'who has it open goes on');
    ok(told($nginx, 'crit', 'removed', $state), 'and tells');

    my $workers = join ' ', $nginx->workers;
    kill HUP => $nginx->master;
    ok(told($nginx, 'emerg', 'removed', $state), 'a reload is refused');
    is(join(' ', $nginx->workers), $workers, 'nothing is reloaded');

    kill USR2 => $nginx->master;
    ok(wait_until(sub {
        return $nginx->log =~ /\[emerg\].*removed\ while\ nginx\ was\ running:
            \ it\ can't\ be\ upgraded/x;
    }), 'nor upgraded');
    $nginx->expect(qr/can't be upgraded/);

    # The pid file is away until the new binary has ended.
    ok(wait_until(sub { $nginx->workers == 1 }), 'what was there goes on');

    ok($nginx->replace($nginx->workers), 'a worker is killed');
    is(create(client(), 'c')->{body}, $Failed, 'another one refuses');
    ok(!-e $lock, 'and makes no lock file of its own');
    is(answered(trigger(client(), $made[0])), '200 a', 'but answers');

    rename "$lock.away", $lock;
    my $made;
    ok(wait_until(sub { $made = uuid(create(client(), 'c')) }),
       'once it is back, all goes on');
    is_deeply(uuids(list(client())), [@made, $made], 'with all there was');

    $nginx->finish;
};

subtest 'replaced' => sub {
    my $nginx = nginx('replaced', workers => 1);
    my $state = "$Root/replaced";
    my $lock = "$state-lock";

    $nginx->expect(qr/the lock file "\Q$lock\E" has been replaced/,
                   qr/\[crit\].*"\Q$state\E" could not be written: Stale/);

    my @made = uuid(create(client(), 'a'));
    ok($made[0], 'created');

    # Somebody else may write now.
    rename $lock, "$lock.away";
    NginxProcess::write_file($lock, '');
    sleep 5.1;
    is(create(client(), 'b')->{body}, $Failed, 'nothing is written any more');
    ok(told($nginx, 'crit', 'replaced', $state), 'that is told');
    is(answered(trigger(client(), $made[0])), '200 a', 'what is there is read');

    kill HUP => $nginx->master;
    ok(told($nginx, 'emerg', 'replaced', $state), 'a reload is refused');

    # As it says: stopped, and started again.
    $nginx->stop;
    $nginx->start;
    push @made, uuid(create(client(), 'c'));
    is_deeply(uuids(list(client())), \@made, 'a restart mends it');

    unlink "$lock.away";
    $nginx->finish;
};

done_testing();
